//! The one question after the journey: its answer comes from the run, not from a text.

use crate::store::{Action, Question};
use crate::time::{Hero, Moment};
use yew::prelude::*;

/// What the card asks.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Where the learner stands.
    pub question: Question,
    /// The call as the program has it.
    pub call: AttrValue,
    /// What the run says.
    pub hero: Hero,
    /// Where clicks go.
    pub send: Callback<Action>,
}

/// The card.
#[function_component]
pub fn QuestionCard(props: &Props) -> Html {
    let close = props.send.reform(|_: MouseEvent| Action::Skip);
    match props.question {
        Question::Hidden | Question::Due => Html::default(),
        Question::Asked => html! {
            <div class="question" role="group" aria-labelledby="question" data-testid="question">
                <p id="question">{ "When did " }<code>{ &props.call }</code>{ " return?" }</p>
                <div class="answers">
                    { answer("before the wire", Moment::BeforeTheWire, &props.send) }
                    { answer("after the ACK", Moment::AfterTheReceiver, &props.send) }
                    <button type="button" class="skip" onclick={close}>{ "skip" }</button>
                </div>
            </div>
        },
        Question::Answered(guess) => {
            let truth = props.hero.returned();
            html! {
                <div class="question answered" role="status" data-testid="answer" data-right={(guess == truth).to_string()}>
                    <p><b>{ if guess == truth { "Yes." } else { "Look again." } }</b>{ " " }{ told(truth) }</p>
                    <div class="answers">
                        <button type="button" onclick={props.send.reform(|_: MouseEvent| Action::ReplayReturn)} data-testid="replay-return">
                            { "replay that part" }
                        </button>
                        <button type="button" class="skip" onclick={close}>{ "close" }</button>
                    </div>
                </div>
            }
        }
    }
}

fn answer(text: &'static str, moment: Moment, send: &Callback<Action>) -> Html {
    let onclick = send.reform(move |_: MouseEvent| Action::Answer(moment));
    html! { <button type="button" {onclick} data-answer={format!("{moment:?}")}>{ text }</button> }
}

fn told(truth: Moment) -> &'static str {
    match truth {
        Moment::BeforeTheWire => {
            "In this run it returned here, before the wire: it means “the kernel has my bytes”, not “they arrived”."
        }
        Moment::OnItsWay => {
            "In this run it returned here, with the frame on its way: it means “the kernel has my bytes”, not “they arrived”."
        }
        Moment::AfterTheReceiver => {
            "In this run it returned here, after the receiver had the bytes: there was no room before."
        }
    }
}
