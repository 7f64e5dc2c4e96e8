//! 255 colours for a GIF: median cut over a histogram, split where the spread is largest.
//!
//! Deterministic, and no dithering: the same colour maps to the same entry in every frame. Colours that fill much of
//! the picture (the page, the axes) get entries of their own, because every cut weighs by the number of pixels.

use image::RgbaImage;
use std::collections::HashMap;

/// Bits of each channel by which colours are told apart while the palette is made and used.
const BITS: u32 = 6;

/// A palette of at most 255 colours; entry 255 is kept for transparency.
pub struct Palette {
    colours: Vec<[u8; 3]>,
    /// The nearest entry of every colour met so far, by its leading bits; u16::MAX where it is not known yet.
    nearest: Vec<u16>,
}

/// Colours that share their leading bits: their number and the sums of their channels.
#[derive(Clone, Copy, Default)]
struct Cell {
    count: f64,
    sum: [f64; 3],
    /// The colour that holds more than half of the pixels, if one does, and its lead (Boyer and Moore's vote).
    vote: ([u8; 3], f64),
}

impl Cell {
    fn mean(&self) -> [f64; 3] {
        self.sum.map(|s| s / self.count)
    }
}

fn key(pixel: &[u8]) -> usize {
    let lead = |c: u8| usize::from(c >> (8 - BITS));
    lead(pixel[0]) << (2 * BITS) | lead(pixel[1]) << BITS | lead(pixel[2])
}

impl Palette {
    /// The entry that stands for "as in the frame before".
    pub const TRANSPARENT: u8 = 255;

    /// A palette for all of `frames`.
    pub fn of(frames: &[&RgbaImage]) -> Self {
        let mut cells: HashMap<usize, Cell> = HashMap::new();
        for pixel in frames.iter().flat_map(|frame| frame.pixels()) {
            let cell = cells.entry(key(&pixel.0)).or_default();
            cell.count += 1.0;
            (0..3).for_each(|c| cell.sum[c] += f64::from(pixel.0[c]));
            let colour = [pixel.0[0], pixel.0[1], pixel.0[2]];
            match cell.vote {
                (_, 0.0) => cell.vote = (colour, 1.0),
                (leader, lead) => cell.vote.1 = if leader == colour { lead + 1.0 } else { lead - 1.0 },
            }
        }
        // sorted, because the order of a hash map is not the same in every run
        let mut cells: Vec<(usize, Cell)> = cells.into_iter().collect();
        cells.sort_by_key(|cell| cell.0);
        let mut boxes = vec![Group::new(cells.into_iter().map(|cell| cell.1).collect())];
        while boxes.len() < 255 {
            let widest = (0..boxes.len()).max_by(|&a, &b| boxes[a].spread.total_cmp(&boxes[b].spread));
            let Some(at) = widest.filter(|&at| boxes[at].cells.len() > 1) else { break };
            let (low, high) = boxes.swap_remove(at).split();
            boxes.extend([low, high]);
        }
        let colours = boxes.iter().filter(|group| !group.cells.is_empty()).map(Group::colour).collect();
        Self { colours, nearest: vec![u16::MAX; 1 << (3 * BITS)] }
    }

    /// The entry of every pixel, and the mean squared error over the frame.
    pub fn map(&mut self, frame: &RgbaImage) -> (Vec<u8>, f64) {
        let (mut out, mut error) = (Vec::with_capacity(frame.pixels().len()), 0.0);
        for pixel in frame.pixels() {
            let slot = key(&pixel.0);
            if self.nearest[slot] == u16::MAX {
                self.nearest[slot] = self.search(&pixel.0);
            }
            let index = self.nearest[slot] as u8;
            error += distance(&self.colours[usize::from(index)], &pixel.0);
            out.push(index);
        }
        let count = out.len().max(1) as f64;
        (out, error / count)
    }

    /// The colours as bytes, padded to 256 entries.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.colours.iter().flatten().copied().collect();
        bytes.resize(3 * 256, 0);
        bytes
    }

    fn search(&self, pixel: &[u8]) -> u16 {
        let all = self.colours.iter().enumerate();
        all.min_by(|a, b| distance(a.1, pixel).total_cmp(&distance(b.1, pixel))).map_or(0, |best| best.0 as u16)
    }
}

/// Squared distance with green weighing most, as the eye does.
fn distance(a: &[u8; 3], b: &[u8]) -> f64 {
    let d = |c: usize| f64::from(a[c]) - f64::from(b[c]);
    0.9 * d(0) * d(0) + 1.4 * d(1) * d(1) + 0.7 * d(2) * d(2)
}

/// Cells that will share an entry.
struct Group {
    cells: Vec<Cell>,
    /// Sum of squared distances from the mean along the widest channel, damped by the number of pixels.
    spread: f64,
    channel: usize,
}

impl Group {
    fn new(cells: Vec<Cell>) -> Self {
        let mut group = Self { cells, spread: 0.0, channel: 0 };
        let mean = group.mean();
        for (channel, mean) in mean.into_iter().enumerate() {
            // the root of the count: rare colours such as thin lines must not all be merged into the crowd
            let part = |cell: &Cell| cell.count.sqrt() * (cell.mean()[channel] - mean).powi(2);
            let spread: f64 = group.cells.iter().map(part).sum();
            if spread > group.spread {
                (group.spread, group.channel) = (spread, channel);
            }
        }
        group
    }

    fn mean(&self) -> [f64; 3] {
        let count: f64 = self.cells.iter().map(|cell| cell.count).sum();
        std::array::from_fn(|c| self.cells.iter().map(|cell| cell.sum[c]).sum::<f64>() / count.max(1.0))
    }

    /// The colour of the entry: exactly the one that fills the group if there is one, so that the page stays the page.
    fn colour(&self) -> [u8; 3] {
        let count: f64 = self.cells.iter().map(|cell| cell.count).sum();
        let leader = self.cells.iter().map(|cell| cell.vote).max_by(|a, b| a.1.total_cmp(&b.1));
        match leader {
            Some((colour, lead)) if lead > 0.5 * count => colour,
            _ => self.mean().map(|c| c.round() as u8),
        }
    }

    /// Cut at the mean of the widest channel.
    fn split(self) -> (Self, Self) {
        let Self { mut cells, channel, .. } = self;
        cells.sort_by(|a, b| a.mean()[channel].total_cmp(&b.mean()[channel]));
        let weight: f64 = cells.iter().map(|cell| cell.count.sqrt()).sum();
        let middle = cells.iter().map(|cell| cell.count.sqrt() * cell.mean()[channel]).sum::<f64>() / weight;
        let at = cells.partition_point(|cell| cell.mean()[channel] <= middle).clamp(1, cells.len() - 1);
        let high = cells.split_off(at);
        (Self::new(cells), Self::new(high))
    }
}
