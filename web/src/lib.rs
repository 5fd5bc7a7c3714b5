//! The page: Scenes and Events drawn with Yew.
//!
//! ```text
//! engine  the lab, in a Worker or inline      messages, plain data
//! store   the page's state                    Page::apply(Action) -> Vec<Effect>
//! time    stops, the journey, speeds          numbers only
//! views   what is seen                        fn(state) -> Html
//! app     the browser: effects, keys, address (wasm only)
//! ```
//!
//! The page moves time only by sending the engine a `TimeCommand`; views are pure and keep no time.

#[cfg(target_arch = "wasm32")]
pub mod app;
pub mod engine;
pub mod live;
#[cfg(feature = "ssr")]
pub mod prerender;
#[cfg(test)]
mod sample;
pub mod shared;
pub mod store;
pub mod time;
pub mod views;
