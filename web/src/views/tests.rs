//! What the views say for real moments, drawn to text without a browser.

use super::{Shell, ShellProps};
use crate::sample::{SCENARIO, Stage};
use crate::store::{Action, Bits, Card, Inspect};
use lab::scene::TimeCommand;
use stack::trace::{EventId, Layer, Proto};
use yew::{Callback, LocalServerRenderer};

fn html(stage: &Stage) -> String {
    let props = ShellProps {
        page: stage.page.clone(),
        scenarios: vec![("sample".to_owned(), "A fetch".to_owned())],
        send: Callback::noop(),
        onkeydown: Callback::noop(),
        onfiles: Callback::noop(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, LocalServerRenderer::<Shell>::with_props(props).hydratable(false).render())
}

/// The text of a picture: tags become single spaces.
fn text(html: &str) -> String {
    let mut out = String::new();
    let mut in_tag = false;
    for c in html.chars() {
        match c {
            '<' => in_tag = true,
            '>' => {
                in_tag = false;
                out.push(' ');
            }
            c if !in_tag => out.push(c),
            _ => {}
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One element of the picture, by something in its tag, up to `end`.
fn part<'a>(html: &'a str, mark: &str, end: &str) -> &'a str {
    let at = html.find(mark).unwrap_or_else(|| panic!("no {mark}"));
    let from = html[..at].rfind('<').unwrap_or(0);
    let to = html[at..].find(end).map_or(html.len(), |len| at + len);
    &html[from..to]
}

/// Plays the journey up to the stop where a header of this layer was just written or taken off.
fn at_layer(host: u8, layer: Layer) -> Stage {
    let mut stage = Stage::open("", SCENARIO);
    loop {
        let event = stage.page.scene.event.clone().expect("an event");
        if event.host.0 == host && event.layer == layer {
            return stage;
        }
        assert!(stage.tick(), "the journey has no stop at {layer:?}");
    }
}

#[test]
fn the_first_picture_shows_the_call_open_and_no_packet() {
    let stage = Stage::open("", SCENARIO);
    let page = html(&stage);
    let said = text(&page);
    assert!(said.contains("A fetch"), "{said}");
    assert!(part(&page, "class=\"strace\"", "</section>").contains("sendto(3, "), "{page}");
    assert!(said.contains("in the kernel"), "{said}");
    assert!(said.contains(&stage.page.scene.caption), "{said}");
}

#[test]
fn a_header_in_front_is_a_car_in_front() {
    let stage = at_layer(0, Layer::Ip);
    let page = html(&stage);
    let train = part(&page, "in-hand full down selected", "</div>");
    let letters: Vec<&str> = train.split("<i ").skip(1).map(|car| car.split('>').nth(1).unwrap_or_default()).collect();
    assert_eq!(letters[0], "I</i", "{train}");
    assert_eq!(letters[1], "T</i", "{train}");
    assert!(letters[2].starts_with("GET / HTTP"), "{train}");
}

#[test]
fn the_strip_says_which_pointer_moved_and_that_no_letter_did() {
    let stage = at_layer(0, Layer::Ip);
    let page = html(&stage);
    let strip = text(part(&page, "class=\"strip\"", "</section>"));
    assert!(strip.contains("clone of #"), "{strip}");
    assert!(strip.contains("2 references"), "{strip}");
    assert!(strip.contains("payload bytes moved: 0"), "{strip}");
    for word in ["headroom", "tailroom", "head", "data", "tail", "end", "IP 20", "TCP 32"] {
        assert!(strip.contains(word), "{word}: {strip}");
    }
}

#[test]
fn pulled_headers_stay_in_the_document_folded() {
    let stage = at_layer(1, Layer::Ip);
    let page = html(&stage);
    let train = part(&page, "in-hand full up selected", "</div>");
    assert_eq!(train.matches("folded").count(), 2, "{train}");
    assert!(text(part(&page, "class=\"inspector\"", "</section>")).contains("TCP"), "{page}");
}

#[test]
fn a_field_its_bytes_and_its_letters_light_up_together() {
    let mut stage = at_layer(0, Layer::Ip);
    stage.act(Action::Hover(Some(Bits { proto: Proto::Ipv4, at: 64, len: 8 })));
    let page = html(&stage);
    let inspector = part(&page, "class=\"inspector\"", "</section>");
    assert!(part(inspector, "data-field=\"ip.ttl\"", "</button>").contains("64"));
    assert!(part(inspector, "data-field=\"ip.ttl\"", ">").contains("hover"), "{inspector}");
    assert_eq!(inspector.matches("data-byte=\"8\"").count(), 2);
    assert!(part(inspector, "data-byte=\"8\"", ">").contains("hover"), "{inspector}");
    let said = text(part(inspector, "class=\"about\"", "</section>"));
    assert!(said.contains("Time to live") && said.contains("ip.ttl") && said.contains("jump to the write"), "{said}");
}

#[test]
fn a_system_call_shows_its_result_only_when_it_has_returned() {
    let mut stage = Stage::open("", SCENARIO);
    let hero = stage.page.hero.clone().expect("a journey");
    let result = |stage: &Stage| {
        let page = html(stage);
        let line = format!("data-enter=\"{}\"", hero.enter.0);
        part(&page, &line, "</li>").contains("class=\"result\"")
    };
    stage.act(Action::Time(TimeCommand::Seek(EventId(hero.exit.0 - 1))));
    assert!(!result(&stage));
    stage.act(Action::Time(TimeCommand::Seek(hero.exit)));
    assert!(result(&stage));
}

#[test]
fn who_cannot_see_the_stage_can_read_it() {
    let stage = at_layer(0, Layer::Ip);
    let page = html(&stage);
    let tree = text(part(&page, "aria-label=\"The stage in words\"", "</section>"));
    assert!(tree.contains("IPv4 20, TCP 32, data"), "{tree}");
    assert!(part(&page, "class=\"tower\"", ">").contains("aria-hidden=\"true\""));
    assert!(page.contains("role=\"status\""));
    let slider = part(&page, "type=\"range\"", ">");
    assert!(slider.contains("aria-valuetext=\"beat ") && slider.contains(", IP, "), "{slider}");
}

#[test]
fn every_button_has_a_name() {
    let page = html(&at_layer(0, Layer::Ip));
    for button in page.split("<button").skip(1) {
        let (tag, rest) = button.split_once('>').expect("a tag");
        let content = text(rest.split("</button>").next().unwrap_or_default());
        assert!(tag.contains("aria-label=") || !content.is_empty(), "{tag}");
    }
}

#[test]
fn the_question_comes_last_and_offers_two_answers() {
    let mut stage = Stage::open("", SCENARIO);
    assert!(!html(&stage).contains("data-testid=\"question\""));
    while stage.tick() {}
    let page = html(&stage);
    let card = text(part(&page, "data-testid=\"question\"", "</div><div"));
    assert!(card.contains("sendto()") && card.contains("before the wire") && card.contains("after the ACK"), "{card}");
}

#[test]
fn a_wrong_scenario_is_shown_with_its_line() {
    let stage = Stage::open("", "title = 3\n");
    let said = text(&html(&stage));
    assert!(said.contains("sample.toml cannot be run") && said.contains("sample.toml:1:9"), "{said}");
}

#[test]
fn a_narrow_screen_shows_one_card() {
    let mut stage = Stage::open("", SCENARIO);
    stage.act(Action::Card(Card::Calls));
    assert!(html(&stage).contains("data-card=\"calls\""));
}

#[test]
fn the_page_stays_small() {
    let page = html(&at_layer(0, Layer::Ip));
    let nodes = page.matches('<').count() / 2;
    assert!(nodes < 1_400, "{nodes} elements");
}

/// The first stop of a long transfer whose caption begins like this.
fn in_bulk(caption: &str) -> Stage {
    let scenario =
        SCENARIO.replace("\"-s\", \"http://10.0.0.2/\"", "\"-s\", \"-o\", \"x\", \"http://10.0.0.2/bytes/100000\"");
    let mut stage = Stage::open("", &scenario);
    let beat =
        stage.page.timeline.beats.iter().find(|beat| beat.caption.starts_with(caption)).expect("such a stop").event;
    stage.act(Action::Time(TimeCommand::Seek(beat)));
    assert!(stage.page.scene.caption.starts_with(caption), "{}", stage.page.scene.caption);
    stage
}

#[test]
fn a_super_packet_shows_its_pages_and_what_it_stands_for() {
    let page = html(&in_bulk("It stands for "));
    let strip = text(part(&page, "class=\"strip\"", "</section>"));
    for word in ["gso: ", " × 1448", "data_len ", "page 1", "headroom", "shared info"] {
        assert!(strip.contains(word), "{word}: {strip}");
    }
    let memory = part(&page, "class=\"memory paged\"", "class=\"clones");
    assert!(memory.contains("data-count=\"") && memory.contains("class=\"link\""), "{memory}");
    assert!(memory.contains("fragment 0: ") && memory.contains(" of page 1"), "{memory}");
}

#[test]
fn payload_in_several_fragments_is_one_car_and_one_tab() {
    let page = html(&in_bulk("Now this segment has headers of its own"));
    let train = part(&page, "in-hand", "</div>");
    assert_eq!(train.matches("payload").count(), 1, "{train}");
    assert!(page.matches("data-testid=\"header-Payload\"").count() <= 1);
    assert!(part(&page, "class=\"memory paged\"", "</section>").contains("1448 B, page "), "{page}");
}

#[test]
fn the_ladder_draws_each_frame_once_and_says_it_in_words() {
    let stage = Stage::open("#e=300&d=ladder", SCENARIO);
    let page = html(&stage);
    let drawer = part(&page, "data-testid=\"drawer\"", "</section>");
    let frames = drawer.matches("class=\"touch\"").count();
    assert!(text(part(drawer, "aria-label=\"The frames in words\"", "</ol>")).contains("alice to bob"));
    assert_eq!(part(drawer, "aria-label=\"The frames in words\"", "</ol>").matches(" to ").count(), frames);
    let said = text(drawer);
    for word in ["SYN seq 0", "SYN ACK seq 0 ack 1", "alice", "bob", " ms"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert!(drawer.contains("data-testid=\"ladder-now\""), "the moment under the cursor");
    assert!(drawer.matches("<polygon").count() <= 300);
}

#[test]
fn the_packet_that_the_page_is_about_lights_up_in_the_ladder() {
    let mut stage = at_layer(0, Layer::Ip);
    stage.act(Action::Drawer(crate::store::DrawerKind::Ladder));
    let page = html(&stage);
    let drawer = part(&page, "data-testid=\"drawer\"", "</section>");
    assert!(drawer.contains("hue-tcp lit"), "{drawer}");
    assert!(text(part(drawer, "label left lit", "</button>")).starts_with("PSH ACK seq 1–"), "{drawer}");
}

#[test]
fn the_plots_name_every_line_at_its_end_and_say_the_same_as_a_table() {
    let mut stage = in_bulk("It stands for ");
    stage.act(Action::Drawer(crate::store::DrawerKind::Plots));
    let page = html(&stage);
    let drawer = part(&page, "data-testid=\"drawer\"", "</section>");
    let said = text(drawer);
    for word in ["ACK ", "window ", "cwnd ", "rwnd ", "in flight ", "queue ", "limited by", "RTT "] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert!(drawer.contains("data-testid=\"plots-now\""));
    let table = part(drawer, "data-testid=\"plots-table\"", "</table>");
    assert!(table.matches("<tr>").count() > 4, "{table}");
    assert!(drawer.matches("<path").count() < 60, "a line is one path");
}

#[test]
fn the_calls_nest_and_one_of_them_is_where_the_cursor_is() {
    let mut stage = at_layer(0, Layer::Ip);
    stage.act(Action::Drawer(crate::store::DrawerKind::Calls));
    let page = html(&stage);
    let drawer = part(&page, "data-testid=\"drawer\"", "</section>");
    assert_eq!(drawer.matches("aria-current=\"step\"").count(), 1, "{drawer}");
    let here = text(part(drawer, "aria-current=\"step\"", "</tr>"));
    let event = stage.page.scene.event.as_ref().expect("an event");
    assert!(here.contains(event.function.name()), "{here}");
    let said = text(drawer);
    for name in ["__sys_sendto", "tcp_sendmsg_locked", "__ip_queue_xmit", "net/ipv4/ip_output.c", "softirq", "bob"] {
        assert!(said.contains(name), "{name}: {said}");
    }
}

#[test]
fn the_tables_read_as_the_linux_commands_print_them() {
    let mut stage = at_layer(0, Layer::Ip);
    for (tab, line) in [
        (Inspect::Route, "10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.1 this packet"),
        (Inspect::Neigh, "10.0.0.2 dev eth0 lladdr 02:00:00:00:00:02 PERMANENT this packet"),
        (Inspect::Ss, "Netid State Recv-Q Send-Q Local Peer tcp ESTAB"),
        (Inspect::Socket, "snd_una"),
    ] {
        stage.act(Action::Inspect(tab));
        let page = html(&stage);
        let said = text(part(&page, "class=\"inspector\"", "</section>"));
        assert!(said.contains(line), "{line}: {said}");
    }
    assert_eq!(stage.page.link().inspect, Inspect::Socket);
}
