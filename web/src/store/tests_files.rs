//! Files in and out, and lists of packets, on a page with its engine.

use super::*;
use crate::engine::{EngineReply, EngineRequest, ListOf, SaveWhat};
use crate::sample::{SCENARIO, Stage};
use lab::scene::TimeCommand;
use stack::trace::Proto;

fn file(action: FileAction) -> Action {
    Action::File(action)
}

/// A page with the sample's packets as an open capture.
fn capture() -> Stage {
    let mut stage = Stage::open("#e=40", SCENARIO);
    stage.act(file(FileAction::Save(SaveWhat::Pcapng)));
    let Some(Effect::Download(saved)) = stage.others.pop() else { panic!("no file: {:?}", stage.others) };
    assert_eq!(saved.name, "sample.pcapng");
    stage.act(file(FileAction::Chosen(vec![(saved.name, saved.bytes)])));
    stage
}

#[test]
fn what_is_saved_can_be_opened_and_its_packets_are_taken_apart() {
    let mut stage = capture();
    let page = stage.page.files.file.clone().expect("a capture");
    assert_eq!((page.opened.format.as_str(), page.opened.cut.clone()), ("pcapng", None));
    assert_eq!(page.list.page.shown, page.opened.packets);
    assert!(page.scene.caption.contains("[SYN] Seq=0"), "{}", page.scene.caption);
    stage.act(file(FileAction::Move(1)));
    stage.act(Action::PickProto(Proto::Ipv4));
    stage.act(Action::Hover(Some(Bits { proto: Proto::Ipv4, at: 64, len: 8 })));
    let page = stage.page.files.file.clone().expect("a capture");
    assert_eq!(page.scene.frames[0].id.0, 2);
    assert_eq!(page.selection.proto, Some(Proto::Ipv4));
    // The run below is as it was.
    stage.act(Action::Time(TimeCommand::End));
    stage.act(file(FileAction::Close));
    assert_eq!(stage.page.scene.at.0, 40);
    assert_eq!(stage.page.selection, Selection::default());
}

#[test]
fn a_filter_that_is_wrong_changes_nothing_and_says_where() {
    let mut stage = capture();
    let shown = |stage: &Stage| stage.page.list().expect("a list").page.shown;
    let all = shown(&stage);
    stage.act(file(FileAction::Filter("tcp.flags.syn == 1".into())));
    let syns = shown(&stage);
    assert!(0 < syns && syns < all, "{syns} of {all}");
    stage.act(file(FileAction::Filter("tcp.flags.syn == ".into())));
    assert_eq!(shown(&stage), syns);
    assert_eq!(stage.page.list().and_then(|list| list.wrong.as_ref()).map(|wrong| wrong.column), Some(17));
    stage.act(file(FileAction::Filter(String::new())));
    assert_eq!(shown(&stage), all);
}

#[test]
fn the_list_of_a_run_and_its_cursor_move_together() {
    let mut stage = Stage::open("#e=40", SCENARIO);
    stage.act(file(FileAction::ToggleList));
    stage.act(file(FileAction::Line(3)));
    let list = stage.page.list().expect("a list").clone();
    let line = list.at(3).expect("the line").clone();
    assert_eq!(stage.page.scene.at, line.event);
    assert_eq!(stage.page.selection.packet, Some(PacketRef::Frame(line.frame)));
    assert_eq!(list.page.here, Some(3));
    stage.act(Action::Time(TimeCommand::End));
    let list = stage.page.list().expect("a list");
    assert_eq!((list.line, list.page.here), (None, Some(list.page.shown - 1)));
    stage.act(file(FileAction::Move(-1)));
    assert!(stage.page.scene.at < stage.page.timeline.last);
    stage.act(file(FileAction::ToggleList));
    assert!(stage.page.list().is_none());
}

#[test]
fn a_stream_is_followed() {
    let mut stage = capture();
    stage.act(file(FileAction::Follow(Some(0))));
    let followed = stage.page.list().and_then(|list| list.followed.clone()).expect("a stream");
    assert!(followed.pieces[0].bytes.starts_with(b"GET / HTTP/1.1"));
    stage.act(file(FileAction::Follow(None)));
    assert!(stage.page.list().is_some_and(|list| list.followed.is_none()));
}

#[test]
fn a_file_of_another_kind_is_refused_with_the_reason_and_the_run_stays() {
    let mut stage = Stage::open("#e=40", SCENARIO);
    stage.act(file(FileAction::Chosen(vec![("holiday.jpg".into(), vec![0xff, 0xd8, 0xff, 0xe0, 0])])));
    let trouble = stage.page.files.trouble.clone().expect("a message");
    assert_eq!(trouble.title, "holiday.jpg cannot be opened");
    assert!(trouble.details[0].starts_with("It begins with ff d8 ff e0."), "{trouble:?}");
    assert!(stage.page.files.file.is_none() && stage.page.has_scene());
    stage.act(file(FileAction::Dismiss));
    assert_eq!(stage.page.files.trouble, None);
}

#[test]
fn a_scenario_opens_as_a_run_and_misses_no_program_silently() {
    let mut stage = Stage::open("#e=40", SCENARIO);
    let text = SCENARIO.replace("A fetch", "Another");
    stage.act(file(FileAction::Chosen(vec![("my own.toml".into(), text.into_bytes())])));
    assert_eq!((stage.page.phase.clone(), stage.page.info.title.as_str()), (Phase::Ready, "Another"));
    let text = "title = \"x\"\n[[host]]\nname = \"a\"\naddress = \"10.0.0.1/24\"\n[[program]]\nhost = \"a\"\npython = \"../p/one.py\"\n";
    let mut stage = Stage::open("#e=40", SCENARIO);
    stage.act(file(FileAction::Chosen(vec![("s.toml".into(), text.into())])));
    let trouble = stage.page.files.trouble.clone().expect("a message");
    assert!(trouble.details[0].contains("choose one.py together with s.toml"), "{trouble:?}");
    stage.act(file(FileAction::Chosen(vec![("one.py".into(), b"pass\n".to_vec()), ("s.toml".into(), text.into())])));
    assert_eq!(
        (stage.page.files.trouble.clone(), stage.page.phase.clone()),
        (None, Phase::Loading),
        "Python waits for its interpreter"
    );
}

#[test]
fn a_long_list_is_asked_for_in_pieces() {
    let mut page = Page::default();
    let asked = |effects: &[Effect]| {
        effects.iter().find_map(|effect| match effect {
            Effect::Ask(EngineRequest::Lines(query)) => Some(query.clone()),
            _ => None,
        })
    };
    let opened = crate::engine::FileOpened { packets: 1_000_000, ..Default::default() };
    let effects = page.apply(Action::Engine(Box::new(EngineReply::Opened(opened))));
    assert_eq!(asked(&effects).map(|query| (query.from, query.count)), Some((0, LINES)));
    let lines = |from, scanned| {
        let page = crate::engine::ListPage { total: 1_000_000, scanned, shown: scanned, from, ..Default::default() };
        Action::Engine(Box::new(EngineReply::Lines(ListOf::File, page)))
    };
    // The filter is not done: it is asked on.
    assert!(asked(&page.apply(lines(0, 100_000))).is_some());
    assert!(asked(&page.apply(lines(0, 1_000_000))).is_none());
    assert!(asked(&page.apply(file(FileAction::Scroll(20)))).is_none(), "the lines are here");
    assert!(asked(&page.apply(file(FileAction::Scroll(500_000)))).is_some_and(|query| query.from < 500_000));
    // One at a time; then the newest place.
    assert!(asked(&page.apply(file(FileAction::Scroll(700_000)))).is_none());
    assert!(asked(&page.apply(lines(499_940, 1_000_000))).is_some_and(|query| query.from > 699_000));
}
