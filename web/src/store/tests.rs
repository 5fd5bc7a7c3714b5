//! What the page does with what happens to it.

use super::*;
use crate::engine::{EngineReply, EngineRequest, Source};
use crate::live::{LinkState, LiveReply, LiveRequest, News};
use crate::sample::{SCENARIO, Stage};
use crate::time::Moment;
use lab::scene::{Scene, TimeCommand};
use stack::trace::EventId;

fn reply(reply: LiveReply) -> Action {
    Action::Engine(Box::new(EngineReply::Live(reply)))
}

#[test]
fn it_plays_by_itself_to_the_end_of_the_journey_and_then_asks_one_question() {
    let mut stage = Stage::open("", SCENARIO);
    let hero = stage.page.hero.clone().expect("a journey");
    assert_eq!(stage.page.scene.at, hero.from);
    let mut total_ms = 0;
    let mut stops = Vec::new();
    while let Some((_, ms)) = stage.wait {
        total_ms += ms;
        stage.tick();
        stops.push(stage.page.scene.at);
    }
    assert_eq!(stage.page.scene.at, hero.to);
    assert_eq!(stage.page.playing, None);
    assert_eq!(stage.page.question, Question::Asked);
    assert!(total_ms < 6_000, "{total_ms} ms");
    assert!((8..=16).contains(&stops.len()), "{stops:?}");
    assert!(stops.is_sorted());
}

#[test]
fn the_answer_is_shown_in_the_run_itself() {
    let mut stage = Stage::open("", SCENARIO);
    while stage.tick() {}
    let hero = stage.page.hero.clone().expect("a journey");
    stage.act(Action::Answer(Moment::AfterTheReceiver));
    assert_eq!(stage.page.scene.at, hero.exit);
    assert_eq!(stage.page.question, Question::Answered(Moment::AfterTheReceiver));
    stage.act(Action::ReplayReturn);
    assert_eq!(stage.page.scene.at, hero.from);
    while stage.tick() {}
    assert_eq!(stage.page.scene.at, hero.exit);
}

#[test]
fn a_link_that_names_an_event_opens_there_and_does_not_play() {
    let stage = Stage::open("#s=sample&e=40", SCENARIO);
    assert_eq!(stage.page.scene.at, EventId(40));
    assert_eq!((stage.page.playing, stage.wait), (None, None));
    assert_eq!(stage.page.link().write(), "s=sample&e=40");
}

#[test]
fn every_step_can_be_taken_back() {
    let mut stage = Stage::open("#e=60", SCENARIO);
    for (on, back) in [
        (TimeCommand::StepEvents(1), TimeCommand::StepEvents(-1)),
        (TimeCommand::StepEvents(5), TimeCommand::StepEvents(-5)),
    ] {
        let before = stage.page.scene.clone();
        stage.act(Action::Time(on));
        assert!(stage.page.scene.at > before.at);
        stage.act(Action::Time(back));
        assert_eq!(*stage.page.scene, *before);
    }
    stage.act(Action::Time(TimeCommand::StepBeats(1)));
    let beat = stage.page.scene.at;
    stage.act(Action::Time(TimeCommand::StepBeats(1)));
    assert!(stage.page.scene.at > beat);
    stage.act(Action::Time(TimeCommand::StepBeats(-1)));
    assert_eq!(stage.page.scene.at, beat);
}

#[test]
fn only_steps_onwards_travel() {
    let mut stage = Stage::open("#e=60", SCENARIO);
    for (command, motion) in [
        (TimeCommand::StepBeats(1), Motion::Travel),
        (TimeCommand::StepBeats(-1), Motion::Still),
        (TimeCommand::StepEvents(1), Motion::Travel),
        (TimeCommand::Seek(EventId(80)), Motion::Still),
        (TimeCommand::End, Motion::Still),
    ] {
        stage.act(Action::Time(command));
        assert_eq!(stage.page.motion, motion, "{command:?}");
    }
}

#[test]
fn a_step_pauses_and_play_goes_on() {
    let mut stage = Stage::open("", SCENARIO);
    stage.act(Action::Time(TimeCommand::StepBeats(1)));
    assert_eq!(stage.page.playing, None);
    let at = stage.page.scene.at;
    // The tick of the wait that was under way comes too late.
    stage.tick();
    assert_eq!(stage.page.scene.at, at);
    stage.act(Action::Toggle);
    stage.tick();
    assert!(stage.page.scene.at > at);
    stage.act(Action::Toggle);
    assert_eq!(stage.page.playing, None);
}

#[test]
fn play_at_the_end_starts_the_journey_again() {
    let mut stage = Stage::open("", SCENARIO);
    stage.act(Action::Time(TimeCommand::End));
    stage.act(Action::Toggle);
    assert_eq!(Some(stage.page.scene.at), stage.page.hero.as_ref().map(|hero| hero.from));
}

#[test]
fn a_stale_answer_is_dropped_and_only_the_newest_place_counts() {
    let mut page = Stage::open("#e=40", SCENARIO).page;
    let asked = |effects: &[Effect]| match effects {
        [.., Effect::Ask(EngineRequest::Time { ticket, command, .. })] => Some((*ticket, *command)),
        _ => None,
    };
    let seek = |event| Action::Time(TimeCommand::Seek(EventId(event)));
    let (first, _) = asked(&page.apply(seek(50))).expect("a request");
    assert_eq!(asked(&page.apply(seek(51))), None);
    assert_eq!(asked(&page.apply(seek(52))), None);
    let scene = |ticket, at| {
        let scene = Box::new(Scene { at: EventId(at), ..Scene::default() });
        Action::Engine(Box::new(EngineReply::Scene { ticket, scene }))
    };
    assert_eq!(asked(&page.apply(scene(first + 7, 99))), None);
    assert_eq!(page.scene.at, EventId(40));
    let (second, command) = asked(&page.apply(scene(first, 50))).expect("the newest place");
    assert_eq!(command, TimeCommand::Seek(EventId(52)));
    let _ = page.apply(scene(second, 52));
    assert_eq!(page.scene.at, EventId(52));
}

#[test]
fn a_moment_seen_before_is_not_asked_for_again() {
    let mut stage = Stage::open("#e=40", SCENARIO);
    stage.act(Action::Time(TimeCommand::StepEvents(1)));
    let effects = stage.page.apply(Action::Time(TimeCommand::StepEvents(-1)));
    assert_eq!(stage.page.scene.at, EventId(40));
    assert!(effects.iter().all(|effect| !matches!(effect, Effect::Ask(_))));
}

#[test]
fn the_selection_lasts_as_long_as_its_packet() {
    let mut stage = Stage::open("", SCENARIO);
    while stage.page.subject().is_none() {
        stage.tick();
    }
    let packet = stage.page.subject().map(|subject| subject.packet()).expect("a packet");
    stage.act(Action::Pick(packet));
    stage.act(Action::Time(TimeCommand::StepEvents(1)));
    assert_eq!(stage.page.selection.packet, Some(packet));
    stage.act(Action::Time(TimeCommand::Start));
    assert_eq!(stage.page.selection, Selection::default());
}

#[test]
fn a_field_leads_to_the_event_that_wrote_it() {
    let mut stage = Stage::open("", SCENARIO);
    while stage.page.subject().and_then(|s| s.region(&stage.page.selection)).is_none() {
        stage.tick();
    }
    let wrote = stage.page.subject().and_then(|s| s.region(&stage.page.selection)).map(|region| region.event);
    stage.act(Action::JumpToWrite);
    assert_eq!(Some(stage.page.scene.at), wrote);
}

#[test]
fn a_wrong_scenario_says_where() {
    let stage = Stage::open("", "title = \"x\"\n[[host]]\nnmae = \"a\"\n");
    let Phase::Failed(trouble) = &stage.page.phase else { panic!("{:?}", stage.page.phase) };
    assert!(trouble.details[0].contains("sample.toml:3:1"), "{trouble:?}");
}

#[test]
fn a_packetdrill_script_is_a_scenario() {
    let text = include_str!("../../../www/scenarios/handshake.pkt");
    let source = Source { name: "handshake".to_owned(), script: true, text: text.to_owned(), ..Source::default() };
    let mut stage = Stage::open_source("", source);
    assert!(!matches!(stage.page.phase, Phase::Failed(_)), "{:?}", stage.page.phase);
    let stops = stage.page.timeline.beats.len();
    assert!(stops > 50, "{stops}");
    for _ in 0..stops {
        stage.tick();
    }
    assert_eq!(stage.page.scene.hosts[0].name, "host");
}

#[test]
fn another_scenario_keeps_the_readers_wishes() {
    let mut stage = Stage::open("#token=abc", SCENARIO);
    stage.act(Action::ToggleMotion);
    stage.act(Action::Scenario("hello".to_owned()));
    assert!(stage.page.less_motion);
    assert_eq!(stage.page.token(), Some("abc"));
    assert!(stage.others.contains(&Effect::Fetch("hello".to_owned())));
}

#[test]
fn live_mode_follows_until_the_reader_looks_back() {
    let mut stage = Stage::open("#token=abc", SCENARIO);
    stage.act(Action::EnterLive);
    assert!(stage.others.contains(&Effect::Connect("abc".to_owned())));
    let up = LinkState::Up {
        bridge: "bridge".to_owned(),
        address: "10.77.0.2".to_owned(),
        prefix: 24,
        mac: "02:53:50:00:00:02".to_owned(),
        kernel: Some("10.77.0.1".to_owned()),
    };
    stage.act(reply(LiveReply::State(up)));
    stage.act(reply(LiveReply::News(News { last: EventId(50), frames_in: 10, ..News::default() })));
    let looks: Vec<_> = stage
        .others
        .iter()
        .filter(|e| matches!(e, Effect::Ask(EngineRequest::Live(LiveRequest::Look { command: None, .. }))))
        .collect();
    assert_eq!(looks.len(), 1);
    stage.act(Action::Toggle);
    assert!(stage.others.contains(&Effect::Ask(EngineRequest::Live(LiveRequest::Past))));
    stage.act(reply(LiveReply::News(News { last: EventId(90), frames_in: 142, ..News::default() })));
    assert_eq!(stage.page.live.as_ref().map(|live| live.frames_since()), Some(132));
    stage.act(Action::Toggle);
    assert!(stage.page.live.as_ref().is_some_and(|live| live.follows()));
    stage.act(Action::LeaveLive);
    assert_eq!(stage.page.live, None);
}

fn ladder(stage: &Stage) -> lab::panes::Ladder {
    match stage.page.pane().map(|view| (**view).clone()) {
        Some(lab::panes::PaneView::Ladder(ladder)) => ladder,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_drawer_is_asked_for_when_it_opens_and_not_again_while_it_will_do() {
    let mut stage = Stage::open("#e=60", SCENARIO);
    assert_eq!(stage.page.pane(), None);
    stage.act(Action::Drawer(DrawerKind::Ladder));
    let first = stage.page.pane().cloned().expect("a ladder");
    let middle = ladder(&stage).rungs[4].sent;
    stage.act(Action::Time(TimeCommand::Seek(middle)));
    stage.act(Action::Time(TimeCommand::StepBeats(1)));
    assert!(stage.page.pane() == Some(&first), "the same span shows both moments");
    stage.act(Action::Drawer(DrawerKind::Ladder));
    assert_eq!((stage.page.drawer.open, stage.page.pane()), (None, None));
}

#[test]
fn a_chosen_span_is_in_the_link_and_follows_the_cursor() {
    let mut stage = Stage::open("#s=sample&e=300&d=ladder", SCENARIO);
    let before = ladder(&stage).window;
    stage.act(Action::Zoom(1));
    stage.act(Action::Zoom(1));
    let closer = ladder(&stage).window;
    assert!((closer.1 - closer.0).abs_diff((before.1 - before.0) / 4) <= 4, "{before:?} {closer:?}");
    assert_eq!(stage.page.link().drawer.window, Some(closer));
    assert!(stage.page.link().write().ends_with(&format!("d=ladder&w={}-{}", closer.0, closer.1)));
    stage.act(Action::Time(TimeCommand::End));
    let now = stage.page.scene.now_ns;
    let there = ladder(&stage).window;
    assert!(there.0 <= now && now <= there.1 && there.1 - there.0 == closer.1 - closer.0, "{there:?} {now}");
    stage.act(Action::Fit);
    assert_eq!(stage.page.link().drawer.window, None);
}

#[test]
fn the_link_opens_the_drawer_as_it_was() {
    let link = "s=sample&e=300&d=ladder&h=420";
    let stage = Stage::open(link, SCENARIO);
    assert_eq!(stage.page.link().write(), link);
    assert!(!ladder(&stage).rungs.is_empty());
}

#[test]
fn a_rung_leads_to_its_frame() {
    let mut stage = Stage::open("#e=60&d=ladder", SCENARIO);
    let rung = ladder(&stage).rungs[2].clone();
    stage.act(Action::Visit(rung.sent, Some(PacketRef::Frame(rung.frame))));
    assert_eq!(stage.page.scene.at, rung.sent);
    assert_eq!(stage.page.selection.packet, Some(PacketRef::Frame(rung.frame)));
    assert_eq!(stage.page.lit().frame, Some(rung.frame));
}

#[test]
fn another_scenario_keeps_the_drawer_but_not_its_span() {
    let mut stage = Stage::open("#e=60&d=ladder&h=420&w=0-9000000", SCENARIO);
    stage.act(Action::Scenario("other".to_owned()));
    let Drawer { open, height, window, .. } = stage.page.drawer;
    assert_eq!((open, height, window), (Some(DrawerKind::Ladder), 420, None));
    assert_eq!(stage.page.pane(), None);
}

#[test]
fn a_moment_in_the_plots_leads_to_what_happened_then() {
    let mut stage = Stage::open("#e=60&d=plots", SCENARIO);
    assert!(matches!(stage.page.pane().map(|view| &**view), Some(lab::panes::PaneView::Plots(_))));
    let beat = stage.page.timeline.beats[stage.page.timeline.beats.len() / 2].clone();
    stage.act(Action::VisitTime(beat.at_ns));
    assert_eq!(stage.page.scene.now_ns, beat.at_ns);
    stage.act(Action::VisitTime(0));
    assert!(stage.page.scene.now_ns <= stage.page.timeline.beats[0].at_ns);
}

#[test]
fn each_drawer_opens_as_tall_as_it_needs_unless_a_height_was_chosen() {
    let mut stage = Stage::open("#e=60", SCENARIO);
    for (kind, height) in [(DrawerKind::Plots, 380), (DrawerKind::Ladder, 264)] {
        stage.act(Action::Drawer(kind));
        assert_eq!(stage.page.drawer.height, height);
    }
    stage.act(Action::DrawerHeight(500));
    stage.act(Action::Drawer(DrawerKind::Plots));
    assert_eq!(stage.page.drawer.height, 500);
}
