//! A picture as a probability density: ink on paper.

use std::io::{BufReader, Read, Seek};
use std::path::Path;

use image::{ImageBuffer, ImageFormat, ImageReader, Limits, LumaA};

use super::input::{cannot_read, format_of, open_file};
use crate::error::{Error, Problem, Result};

/// Largest file, in bytes.
const MAX_BYTES: u64 = 64 << 20;
/// Largest picture, in pixels a side.
const MAX_SIDE: u32 = 4096;
/// Larger pictures are averaged down to this many cells a side.
const MAX_CELLS: usize = 512;

/// Probability mass on a grid of square cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Density {
    /// Cells in a row.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// Mass of each cell, row 0 at the top; sums to 1.
    pub mass: Vec<f64>,
    /// Things worth telling the user once.
    pub notes: Vec<String>,
}

/// Reads a PNG: darkness times opacity is mass. When most of its edge is dark, lightness is.
pub fn read_png_density(path: &Path) -> Result<Density> {
    let place = path.display().to_string();
    let picture = decode(path, &place)?;
    let mut notes = Vec::new();
    // the ground is what the drawing is surrounded by, however much of the picture the drawing fills
    let (right, bottom) = (picture.width() - 1, picture.height() - 1);
    let edge = picture.enumerate_pixels().filter(|(x, y, _)| *x == 0 || *y == 0 || *x == right || *y == bottom);
    let edge: Vec<bool> = edge.map(|(_, _, pixel)| ink(pixel, false) > 0.5).collect();
    let inverted = 2 * edge.iter().filter(|dark| **dark).count() > edge.len();
    if inverted {
        notes.push(format!("{place} has a dark edge, so its light parts are taken as the mass"));
    }
    let mut inks = picture.pixels().map(|pixel| ink(pixel, inverted));
    let first = inks.next();
    if inks.all(|ink| Some(ink) == first) {
        let problem = Problem::new("the picture is blank").at(place).found("the same ink everywhere");
        return Err(Error::data(problem.expected("dark ink on a light or transparent ground")));
    }
    let factor = (picture.width().max(picture.height()) as usize).div_ceil(MAX_CELLS);
    if factor > 1 {
        let (w, h) = picture.dimensions();
        notes.push(format!("{place} has {w} x {h} pixels; blocks of {factor} x {factor} become one cell"));
    }
    Ok(Density { notes, ..pool(&picture, inverted, factor) })
}

/// Lightness and opacity of each pixel.
type Picture = ImageBuffer<LumaA<u16>, Vec<u16>>;

/// The mass of one pixel, in 0..=1.
fn ink(pixel: &LumaA<u16>, inverted: bool) -> f64 {
    let [luma, alpha] = pixel.0.map(|v| f64::from(v) / 65535.0);
    if inverted { luma * alpha } else { (1.0 - luma) * alpha }
}

/// The picture, whatever kind of PNG it is.
fn decode(path: &Path, place: &str) -> Result<Picture> {
    let (mut file, _) = open_file(path, MAX_BYTES, Error::data)?;
    let mut head = Vec::new();
    (&mut file).take(16).read_to_end(&mut head).and_then(|_| file.rewind()).map_err(|e| cannot_read(place, &e))?;
    let found = format_of(&head).unwrap_or("another format");
    if found != "PNG" {
        return Err(Error::data(Problem::new("not a picture that can be read").at(place).found(found).expected("PNG")));
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(256 << 20);
    let mut reader = ImageReader::with_format(BufReader::new(file), ImageFormat::Png);
    reader.limits(limits);
    let picture = reader.decode().map_err(|e| {
        let problem = Problem::new(format!("the picture cannot be decoded ({e})")).at(place);
        Error::data(problem.expected(format!("a whole PNG of at most {MAX_SIDE} x {MAX_SIDE} pixels")))
    })?;
    Ok(picture.into_luma_alpha16())
}

/// Adds up the mass of blocks of factor x factor pixels (smaller at the border) and makes the sum 1.
fn pool(picture: &Picture, inverted: bool, factor: usize) -> Density {
    let (width, height) = ((picture.width() as usize).div_ceil(factor), (picture.height() as usize).div_ceil(factor));
    let mut mass = vec![0.0; width * height];
    for (x, y, pixel) in picture.enumerate_pixels() {
        mass[y as usize / factor * width + x as usize / factor] += ink(pixel, inverted);
    }
    let total: f64 = mass.iter().sum();
    mass.iter_mut().for_each(|m| *m /= total);
    Density { width, height, mass, notes: Vec::new() }
}
