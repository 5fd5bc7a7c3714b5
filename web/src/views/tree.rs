//! The stage in words, for those who do not see it: host, layer, packet, headers.

use super::hue::layer_name;
use super::tower::contents;
use crate::shared::Shared;
use lab::scene::{HostScene, Place, Scene, SkbScene, TaskState};
use stack::trace::Layer;
use yew::prelude::*;

/// What the tree says.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The moment.
    pub scene: Shared<Scene>,
}

/// The tree.
#[function_component]
pub fn Tree(props: &Props) -> Html {
    let scene = &*props.scene;
    html! {
        <section class="visually-hidden" aria-label="The stage in words" data-k="tree">
            <ul>
                { for scene.hosts.iter().map(host) }
                if !scene.frames.is_empty() {
                    <li>{ "On the wire" }<ul>
                        { for scene.frames.iter().map(|frame| html! {
                            <li>{ format!("Frame of {} bytes: {}", frame.len, contents(&frame.regions, 0)) }</li>
                        }) }
                    </ul></li>
                }
            </ul>
        </section>
    }
}

fn host(host: &HostScene) -> Html {
    let rows = Layer::ALL.into_iter().filter_map(|layer| {
        let here: Vec<&SkbScene> = host.skbs.iter().filter(|skb| skb.layer == layer).collect();
        (!here.is_empty()).then(|| {
            html! {
                <li>{ layer_name(layer) }<ul>{ for here.into_iter().map(packet) }</ul></li>
            }
        })
    });
    html! {
        <li>{ &host.name }<ul>
            { for host.tasks.iter().map(|task| html! { <li>{ format!("{}: {}", task.name, state(task.state)) }</li> }) }
            { for rows }
        </ul></li>
    }
}

fn state(state: TaskState) -> String {
    match state {
        TaskState::Waiting => "not started".to_owned(),
        TaskState::Running => "running".to_owned(),
        TaskState::InKernel => "in a system call".to_owned(),
        TaskState::Sleeping { function, .. } => format!("asleep in {}", function.name()),
        TaskState::Exited(status) => format!("ended with status {status}"),
    }
}

fn packet(skb: &SkbScene) -> Html {
    let place = match skb.place {
        Place::InHand => "in hand",
        Place::Queued(_) => "queued",
    };
    html! { <li>{ format!("Packet {}, {place}, {} bytes: {}", skb.id.0, skb.len, contents(&skb.regions, skb.data)) }</li> }
}
