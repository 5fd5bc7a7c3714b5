//! Other turns of a run, on a page with its engine.

use super::*;
use crate::engine::{ForkEdit, Source};
use crate::sample::{SCENARIO, Stage};
use lab::net::wire::Line;
use lab::rng::Chance;
use lab::scene::TimeCommand;
use stack::trace::HostId;

fn branch(action: BranchAction) -> Action {
    Action::Branch(action)
}

fn cut(stage: &Stage) -> Action {
    let lines = stage.page.branches.tree.wires[0].lines.map(|line| Line { loss: Chance::ALWAYS, ..line });
    branch(BranchAction::Wire(0, lines))
}

#[test]
fn a_wire_that_is_cut_makes_a_branch_and_the_recorded_run_stays() {
    let mut stage = Stage::open("#e=200", SCENARIO);
    let recorded = stage.page.timeline.clone();
    stage.act(cut(&stage));
    let tree = stage.page.branches.tree.clone();
    assert_eq!((tree.list.len(), tree.now), (2, 1));
    assert_eq!(tree.list[1].parent, Some(0));
    assert!(tree.list[1].at.0 <= 200, "a fork is made at a step's boundary");
    assert_eq!(stage.page.scene.at, tree.list[1].at);
    assert_ne!(*stage.page.timeline, *recorded);
    assert_eq!(stage.page.branches.wires_before[0][0].loss, Chance::NEVER);
    stage.act(branch(BranchAction::Switch(0)));
    assert_eq!(*stage.page.timeline, *recorded);
    assert_eq!(stage.page.scene.at, tree.list[1].at);
}

#[test]
fn two_branches_are_compared() {
    let mut stage = Stage::open("#e=200", SCENARIO);
    stage.act(cut(&stage));
    stage.act(branch(BranchAction::Compare(Some(0))));
    let (other, rows) = stage.page.branches.compared.clone().expect("a comparison");
    assert_eq!(other, 0);
    assert!(rows.iter().any(|row| row.same) && rows.iter().any(|row| !row.same));
    stage.act(branch(BranchAction::Switch(0)));
    assert!(stage.page.branches.compared.is_none());
    stage.act(branch(BranchAction::Compare(Some(1))));
    stage.act(branch(BranchAction::Compare(None)));
    assert!(stage.page.branches.compared.is_none());
}

#[test]
fn a_link_takes_the_same_turns_again() {
    let mut stage = Stage::open("#e=200", SCENARIO);
    stage.act(cut(&stage));
    stage.act(Action::Time(TimeCommand::End));
    let (link, scene) = (stage.page.link().write(), stage.page.scene.clone());
    assert!(link.len() < 300, "{link}");
    let again = Stage::open(&link, SCENARIO);
    assert_eq!(again.page.branches.tree.list.len(), 2);
    assert_eq!(*again.page.scene, *scene);
    assert_eq!(again.page.link().write(), link);
}

fn python(client: &str) -> Source {
    let text = include_str!("../../../www/scenarios/send.toml").to_owned();
    let server = include_str!("../../../www/programs/server.py").to_owned();
    let programs =
        vec![("../programs/server.py".to_owned(), server), ("../programs/send.py".to_owned(), client.to_owned())];
    Source { name: "send".to_owned(), text, programs, ..Source::default() }
}

const CLIENT: &str = include_str!("../../../www/programs/send.py");

fn edit(stage: &mut Stage, text: String) {
    stage.act(branch(BranchAction::Edit { host: HostId(0), program: 1, text: CLIENT.to_owned() }));
    stage.act(branch(BranchAction::Text(text)));
    stage.act(branch(BranchAction::Run));
}

#[test]
fn an_edited_program_runs_from_where_it_does_something_else() {
    let mut stage = Stage::open_python("#e=100", python(CLIENT));
    let sent = |stage: &Stage| stage.page.info.sources.iter().any(|(_, text)| text.contains("HTTP/9.9"));
    assert!(!sent(&stage));
    edit(&mut stage, CLIENT.replace("HTTP/1.1", "HTTP/9.9"));
    assert!(sent(&stage));
    assert_eq!(stage.page.branches.editor, None);
    let tree = stage.page.branches.tree.clone();
    assert!(matches!(&tree.list[1].edit, ForkEdit::Source { program: 1, .. }));
    assert!(tree.list[1].at.0 > 100, "connect() was the same: {:?}", tree.list[1].at);
    // The link carries the program.
    let link = stage.page.link().write();
    assert!(link.len() < 2_000, "{}", link.len());
    assert!(sent(&Stage::open_python(&link, python(CLIENT))));
    stage.act(branch(BranchAction::Switch(0)));
    assert!(!sent(&stage));
}

#[test]
fn a_program_with_a_mistake_shows_where() {
    let mut stage = Stage::open_python("#e=100", python(CLIENT));
    edit(&mut stage, format!("{CLIENT}\nnonsense()\n"));
    let failed = stage.page.branches.tree.list[1].failed.expect("it ends in an error");
    assert_eq!(stage.page.scene.at, failed);
    let output = &stage.page.scene.hosts[0].tasks[0].output;
    assert!(output.contains("NameError") && output.contains("File \"send.py\", line "), "{output}");
    // The mistake is edited further: the same file, in the new branch.
    edit(&mut stage, "x = (\n".to_owned());
    let output = &stage.page.scene.hosts[0].tasks[0].output;
    assert!(output.contains("SyntaxError"), "{output}");
}

#[test]
fn what_cannot_be_done_is_said() {
    let mut stage = Stage::open("#e=100", SCENARIO);
    for _ in 0..7 {
        stage.act(branch(BranchAction::Fork));
    }
    assert_eq!(stage.page.branches.tree.list.len(), 6);
    let trouble = stage.page.files.trouble.clone().expect("a message");
    assert!(trouble.details[0].contains("6 branches"), "{trouble:?}");
    assert!(!stage.page.branches.turning);
}
