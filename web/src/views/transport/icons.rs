//! The transport's pictures: one stroke language, 24 units a side.

use yew::prelude::*;

/// A picture on a button.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Icon {
    /// To the beginning.
    Start,
    /// One packet back.
    PacketBack,
    /// One layer back.
    LayerBack,
    /// One event back.
    Back,
    /// Play.
    Play,
    /// Pause.
    Pause,
    /// One event on.
    Step,
    /// One layer on.
    Layer,
    /// One packet on.
    Packet,
    /// To the end.
    End,
    /// Another turn.
    Fork,
}

impl Icon {
    /// Draws it. Back is the mirror of on.
    pub fn draw(self) -> Html {
        let mirror = matches!(self, Icon::Start | Icon::PacketBack | Icon::LayerBack | Icon::Back);
        html! {
            <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" class={classes!(mirror.then_some("mirror"))}>
                <path d={self.path()} />
            </svg>
        }
    }

    fn path(self) -> &'static str {
        match self {
            Icon::Start | Icon::End => "M5 5v14l10-7z M17 5h3v14h-3z",
            // A train: the whole packet.
            Icon::PacketBack | Icon::Packet => "M2 8h5v8H2z M8 8h5v8H8z M15 6v12l7-6z",
            // Layers.
            Icon::LayerBack | Icon::Layer => "M3 5h9v3H3z M3 10.5h9v3H3z M3 16h9v3H3z M14 6v12l8-6z",
            Icon::Back | Icon::Step => "M8 5v14l11-7z",
            Icon::Fork => "M3 10h6l7-6h2V1l5 4.5-5 4.5V7h-1l-5 5 5 5h1v-3l5 4.5-5 4.5v-3h-2l-7-6H3z",
            Icon::Play => "M7 4v16l14-8z",
            Icon::Pause => "M6 4h4v16H6z M14 4h4v16h-4z",
        }
    }
}
