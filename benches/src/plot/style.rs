//! How plots look: dark ink on light paper, so that they read alike wherever the
//! page around them is light or dark; what is ours in warm colours, the rest in
//! cool ones.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub(super) const WIDTH: u32 = 960;
pub(super) const PAPER: RGBColor = RGBColor(252, 252, 250);
pub(super) const INK: RGBColor = RGBColor(30, 41, 59);
pub(super) const FAINT: RGBColor = RGBColor(100, 116, 139);
pub(super) const RULE: RGBColor = RGBColor(214, 219, 226);

/// The first part of what is ours, and those stacked on it.
const OURS: [RGBColor; 3] = [
    RGBColor(194, 65, 12),
    RGBColor(251, 146, 60),
    RGBColor(254, 215, 170),
];
const OTHERS: [RGBColor; 3] = [
    RGBColor(51, 88, 135),
    RGBColor(125, 160, 202),
    RGBColor(200, 216, 235),
];
/// Lines of what is not ours, told apart.
const LINES: [RGBColor; 4] = [
    RGBColor(51, 88, 135),
    RGBColor(13, 148, 136),
    RGBColor(124, 58, 237),
    RGBColor(100, 116, 139),
];

/// The colour of the nth part of a bar.
pub(super) fn part(is_ours: bool, nth: usize) -> RGBColor {
    match is_ours {
        true => OURS[nth % OURS.len()],
        false => OTHERS[nth % OTHERS.len()],
    }
}

/// The colour of the nth line that is not ours, or of ours.
pub(super) fn line(is_ours: bool, nth: usize) -> RGBColor {
    match is_ours {
        true => OURS[0],
        false => LINES[nth % LINES.len()],
    }
}

pub(super) fn text(size: i32, color: RGBColor, horizontal: HPos) -> TextStyle<'static> {
    ("sans-serif", size)
        .into_font()
        .color(&color)
        .pos(Pos::new(horizontal, VPos::Center))
}

pub(super) fn bold(size: i32, horizontal: HPos) -> TextStyle<'static> {
    ("sans-serif", size)
        .into_font()
        .style(FontStyle::Bold)
        .color(&INK)
        .pos(Pos::new(horizontal, VPos::Center))
}

/// About how wide a text is: there is no font here to ask.
pub(super) fn width(text: &str, size: i32) -> i32 {
    let letters = i32::try_from(text.chars().count()).unwrap_or(i32::MAX);
    letters.saturating_mul(size) * 11 / 20
}
