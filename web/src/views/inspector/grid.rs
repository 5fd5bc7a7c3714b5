//! A header as RFCs draw it: 32 columns, bit ruler, one cell a field.

use super::cells::{Cell, cells, changed, short_value};
use crate::store::{Action, Bits};
use lab::dissect::{FieldView, HeaderView};
use lab::scene::Region;
use yew::prelude::*;

/// What the cells need to know.
#[derive(Clone, Copy)]
pub struct Lights<'a> {
    /// The field that is selected.
    pub selected: Option<Bits>,
    /// The field that is pointed at.
    pub hover: Option<Bits>,
    /// Was this header written again since the last step?
    pub fresh: bool,
    /// Where clicks go.
    pub send: &'a Callback<Action>,
}

impl Lights<'_> {
    /// The classes of a piece of the header.
    pub fn classes(&self, run: Bits) -> Classes {
        let selected = self.selected.is_some_and(|bits| bits.overlaps(&run));
        let hover = self.hover.is_some_and(|bits| bits.overlaps(&run));
        classes!(selected.then_some("selected"), hover.then_some("hover"))
    }

    /// What pointing at a piece of the header does.
    pub fn point(&self, run: Option<Bits>) -> Callback<MouseEvent> {
        self.send.reform(move |_: MouseEvent| Action::Hover(run))
    }

    /// What the keyboard's focus on it does.
    pub fn focus(&self, run: Option<Bits>) -> Callback<FocusEvent> {
        self.send.reform(move |_: FocusEvent| Action::Hover(run))
    }

    /// What a click on it does: select, or unselect.
    pub fn pick(&self, run: Bits) -> Callback<MouseEvent> {
        let next = (self.selected != Some(run)).then_some(run);
        self.send.reform(move |_: MouseEvent| Action::PickBits(next))
    }
}

/// The grid of a header.
pub fn grid(region: &Region, view: &HeaderView, lights: Lights) -> Html {
    let cells = cells(region.proto, &view.fields);
    let rows = cells.iter().map(|cell| cell.row + 1).max().unwrap_or(0);
    html! {
        <div class="grid" role="group" aria-label={view.title.clone()} data-proto={format!("{:?}", region.proto)}
            style={format!("--rows:{rows}")} onmouseleave={lights.point(None)}>
            <div class="ruler mono" aria-hidden="true">
                { for [0, 4, 8, 12, 16, 20, 24, 28, 31].map(|bit| html! { <span style={format!("grid-column:{}", bit + 1)}>{ bit }</span> }) }
            </div>
            { for cells.iter().map(|cell| draw(cell, region, lights)) }
        </div>
    }
}

/// What a cell is called: first what is seen in it, so that it can be spoken to by that.
fn spoken(seen: &str, field: &FieldView) -> String {
    if seen.is_empty() {
        format!("{}: {}", field.name, field.value)
    } else {
        format!("{seen}, {}: {}", field.name, field.value)
    }
}

fn draw(cell: &Cell, region: &Region, lights: Lights) -> Html {
    let field = cell.field;
    let fresh = lights.fresh && changed(region.before.as_deref(), &region.bytes, cell.bits);
    let style = format!("grid-row:{};grid-column:{}/span {}", cell.row + 2, cell.column + 1, cell.span);
    let value = if cell.name_only { String::new() } else { short_value(field, &region.bytes) };
    // A column is about 12 px wide, a letter of the name 7.5, a letter of the value 8.
    let narrow = field.short.chars().count() as f32 * 7.5 + value.chars().count() as f32 * 8.0 + 18.0
        > cell.span as f32 * 12.0
        && !cell.name_only;
    let class = classes!(
        "cell",
        lights.classes(cell.bits),
        fresh.then_some("changed"),
        (!cell.main).then_some("rest"),
        narrow.then_some("narrow"),
    );
    let key = format!("{}.{}.{}", field.filter, cell.row, cell.column);
    if !cell.main {
        return html! {
            <div key={key.clone()} data-k={key} {class} {style} onmouseenter={lights.point(Some(cell.bits))} onclick={lights.pick(cell.bits)}></div>
        };
    }
    let selected = lights.selected == Some(cell.bits);
    let shown = [(!narrow).then_some(field.short), (!cell.name_only).then_some(value.as_str())];
    let seen = shown.into_iter().flatten().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ");
    html! {
        <button type="button" key={key.clone()} data-k={key} {class} {style} data-field={field.filter} data-value={field.value.clone()}
            aria-pressed={selected.to_string()} aria-label={spoken(&seen, field)}
            onmouseenter={lights.point(Some(cell.bits))} onfocus={lights.focus(Some(cell.bits))} onclick={lights.pick(cell.bits)}>
            if !narrow { <span class="name">{ field.short }</span>{ " " } }
            if !cell.name_only { <span class="value mono">{ value }</span> }
            if fresh { <i class="delta" title="just changed" aria-hidden="true">{ "Δ" }</i> }
        </button>
    }
}
