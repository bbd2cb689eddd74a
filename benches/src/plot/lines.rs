//! Percentiles as lines, one for each that took part.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::bars::{Area, Drawn};
use super::scale::Scale;
use super::style;
use crate::figure::Unit;

/// Lines over the same places.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) x_axis: &'static str,
    pub(super) y_axis: &'static str,
    pub(super) unit: Unit,
    /// What each place is called.
    pub(super) places: Vec<String>,
    pub(super) lines: Vec<Line>,
}

#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) is_ours: bool,
    /// At each place.
    pub(super) values: Vec<f64>,
}

pub(super) const HEIGHT: u32 = 340;

impl Panel {
    /// Draws it; the axis of values is logarithmic.
    pub(super) fn draw(&self, area: &Area<'_>) -> Drawn {
        let values = self.lines.iter().flat_map(|line| &line.values).copied();
        let values: Vec<f64> = values.filter(|it| it.is_finite() && *it > 0.0).collect();
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = values.iter().copied().fold(0.0, f64::max);
        let (least, greatest) = match values.is_empty() {
            true => (1e-3, 1.0),
            false => (least / 1.3, greatest * 1.3),
        };
        let scale = Scale::of(self.unit, greatest);
        let marks = marks(least / scale.one, greatest / scale.one);
        let marks = marks.into_iter().map(|mark| mark * scale.one);
        let values_axis = (least..greatest).log_scale();
        let values_axis = values_axis.with_key_points(marks.collect());
        let last = self.places.len() as f64 - 1.0;
        let mut chart = ChartBuilder::on(area)
            .margin_top(34)
            .margin_right(20)
            .margin_bottom(10)
            .margin_left(16)
            .x_label_area_size(46)
            .y_label_area_size(64)
            .build_cartesian_2d(-0.2..last + 0.2, values_axis)?;
        let place = |x: &f64| {
            let is_place = (x - x.round()).abs() < 1e-6 && *x >= 0.0;
            let name = is_place.then(|| self.places.get(x.round() as usize));
            name.flatten().cloned().unwrap_or_default()
        };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(self.places.len())
            .x_label_formatter(&place)
            .y_label_formatter(&|value| scale.mark(*value))
            .label_style(style::text(12, style::FAINT, HPos::Center))
            .y_label_style(style::text(12, style::FAINT, HPos::Right))
            .x_desc(self.x_axis)
            .y_desc(scale.beside(self.y_axis))
            .axis_desc_style(style::text(13, style::FAINT, HPos::Center))
            .bold_line_style(style::RULE)
            .light_line_style(TRANSPARENT)
            .axis_style(style::RULE)
            .draw()?;
        let title = style::bold(15, HPos::Left);
        area.draw(&Text::new(self.title.clone(), (80, 16), title))?;
        for (nth, line) in self.lines.iter().enumerate().rev() {
            let color = style::line(line.is_ours, nth);
            let points = || (0..).map(f64::from).zip(line.values.iter().copied());
            let width = if line.is_ours { 4 } else { 2 };
            chart.draw_series(LineSeries::new(points(), color.stroke_width(width)))?;
            let dots = points().map(|at| Circle::new(at, width + 1, color.filled()));
            chart.draw_series(dots)?;
        }
        Ok(())
    }
}

/// One, two and five times each power of ten between the two, which are positive.
fn marks(least: f64, greatest: f64) -> Vec<f64> {
    let powers = (least.log10().floor() as i32)..=(greatest.log10().ceil() as i32);
    let marks = powers.flat_map(|power| [1.0, 2.0, 5.0].map(|one| one * 10f64.powi(power)));
    marks
        .filter(|mark| (least..=greatest).contains(mark))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_inside() {
        assert_eq!(marks(0.9, 30.0), [1.0, 2.0, 5.0, 10.0, 20.0]);
    }
}
