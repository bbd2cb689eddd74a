//! Horizontal bars in panels side by side, each panel with its own axis.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::scale::Scale;
use super::style;
use crate::figure::Unit;

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// Bars that are compared with each other.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    pub(super) title: String,
    /// What the axis measures: `p50`.
    pub(super) axis: String,
    pub(super) unit: Unit,
    pub(super) bars: Vec<Bar>,
}

#[derive(Clone, Debug)]
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) is_ours: bool,
    /// Where each of its parts ends, the greatest last.
    pub(super) ends: Vec<f64>,
    /// The values written beside it.
    pub(super) said: Vec<f64>,
    /// The least and greatest round, where there is one part.
    pub(super) spread: Option<(f64, f64)>,
}

const BAR: u32 = 26;
const HEAD: u32 = 30;
const AXIS: u32 = 42;
const GAP: u32 = 14;

impl Panel {
    /// The height that a panel of so many bars takes.
    pub(super) fn height(bars: usize) -> u32 {
        let bars = u32::try_from(bars).unwrap_or(u32::MAX / (2 * BAR));
        HEAD + bars * BAR + AXIS + GAP
    }

    /// Draws it, with so much room for names.
    pub(super) fn draw(&self, area: &Area<'_>, names: u32) -> Drawn {
        let ends = self.bars.iter().flat_map(|bar| {
            let greatest = bar.spread.map(|(_, greatest)| greatest);
            bar.ends.iter().copied().chain(greatest)
        });
        let greatest = ends.filter(|end| end.is_finite()).fold(0.0, f64::max);
        let greatest = if greatest > 0.0 { greatest } else { 1.0 };
        let scale = Scale::of(self.unit, greatest);
        let count = self.bars.len() as f64;
        let mut chart = ChartBuilder::on(area)
            .margin_top(HEAD)
            .margin_right(GAP)
            .margin_bottom(GAP)
            .x_label_area_size(AXIS)
            .y_label_area_size(names)
            // room for the value beside the longest bar
            .build_cartesian_2d(0.0..greatest * 1.3, 0.0..count)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .y_labels(0)
            .x_labels(4)
            .x_label_formatter(&|value| scale.mark(*value))
            .x_label_style(style::text(12, style::FAINT, HPos::Center))
            .x_desc(scale.beside(&self.axis))
            .axis_desc_style(style::text(13, style::FAINT, HPos::Center))
            .bold_line_style(style::RULE)
            .light_line_style(TRANSPARENT)
            .axis_style(style::RULE)
            .draw()?;
        let (left, _) = area.get_base_pixel();
        let title = (i32::try_from(names).unwrap_or(0), 16);
        area.draw(&Text::new(
            self.title.clone(),
            title,
            style::bold(15, HPos::Left),
        ))?;
        for (nth, bar) in self.bars.iter().enumerate() {
            let middle = count - nth as f64 - 0.5;
            chart.draw_series(bar.rectangles(middle))?;
            let longest = bar.ends.last().copied().unwrap_or(0.0);
            let mut outermost = longest;
            if let Some((least, greatest)) = bar.spread {
                let line = PathElement::new([(least, middle), (greatest, middle)], style::INK);
                chart.draw_series([line])?;
                outermost = outermost.max(greatest);
            }
            let (x, y) = chart.backend_coord(&(outermost, middle));
            let (x, y) = (x - left, y - area.get_base_pixel().1);
            let said: Vec<String> = bar.said.iter().map(|it| scale.show(*it)).collect();
            let value = said.join(" / ");
            area.draw(&Text::new(
                value,
                (x + 6, y),
                style::text(13, style::INK, HPos::Left),
            ))?;
            let name = (i32::try_from(names).unwrap_or(0) - 8, y);
            let ink = match bar.is_ours {
                true => style::part(true, 0),
                false => style::INK,
            };
            area.draw(&Text::new(
                bar.name.clone(),
                name,
                style::text(13, ink, HPos::Right),
            ))?;
        }
        Ok(())
    }
}

impl Bar {
    fn rectangles(&self, middle: f64) -> impl Iterator<Item = Rectangle<(f64, f64)>> {
        let begins = std::iter::once(&0.0).chain(&self.ends);
        let parts = begins.zip(&self.ends).enumerate();
        parts.map(move |(nth, (begin, end))| {
            let corners = [(*begin, middle - 0.34), (*end, middle + 0.34)];
            Rectangle::new(corners, style::part(self.is_ours, nth).filled())
        })
    }
}
