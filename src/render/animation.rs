//! Stills and animations, written frame by frame to anything that takes bytes.
//!
//! GIF: one palette for all frames, made from the first few, without dithering, so that nothing flickers; when the
//! picture has drifted away from its palette, the palette is made anew from the frame at hand. APNG: exact colours.
//! Both store only the rectangle that changed since the frame before.

use super::quantise::Palette;
use crate::error::{Error, Problem, Result};
use image::RgbaImage;
use std::io::Write;

/// The most pixels a side of an animation may have.
pub const MAX_SIDE: u32 = 65_535;
/// The most frames.
pub const MAX_FRAMES: u32 = 10_000;
/// The frames from which a GIF's palette is made; they are held back until they are all there.
const PALETTE_FRAMES: usize = 8;
/// Mean squared distance (over the three channels) at which a GIF's palette no longer serves a frame.
const DRIFT: f64 = 30.0;
/// How much longer the last frame stands.
const HOLD_SECONDS: f64 = 1.5;

/// The file format of an animation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnimationKind {
    /// Plays everywhere; 255 colours.
    Gif,
    /// Exact colours; browsers play it.
    Apng,
}

/// Writes an animation frame by frame; it loops for ever and its last frame stands a little longer.
pub struct FrameWriter<W: Write> {
    sink: Sink<W>,
    width: u32,
    height: u32,
    frames: u32,
    written: u32,
    /// Seconds a frame.
    delay: f64,
    last: Option<RgbaImage>,
}

enum Sink<W: Write> {
    Gif { encoder: gif::Encoder<W>, waiting: Vec<RgbaImage>, palette: Option<Palette>, last: Vec<u8> },
    Apng(png::Writer<W>),
}

/// A rectangle of pixels: left, top, width, height; never empty.
type Rectangle = (u32, u32, u32, u32);

impl<W: Write> FrameWriter<W> {
    /// Begins an animation of exactly `frames` frames of `width` x `height` pixels at `fps` frames a second.
    pub fn new(kind: AnimationKind, width: u32, height: u32, frames: u32, fps: f64, writer: W) -> Result<Self> {
        for (what, value, limit) in
            [("width", width, MAX_SIDE), ("height", height, MAX_SIDE), ("number of frames", frames, MAX_FRAMES)]
        {
            if value == 0 || value > limit {
                let problem = Problem::new(format!("the {what} of an animation is out of range"));
                return Err(Error::usage(problem.found(value).expected(format!("1 to {limit}"))));
            }
        }
        if !(0.1..=100.0).contains(&fps) {
            let problem = Problem::new("the frames a second of an animation are out of range").found(fps);
            return Err(Error::usage(problem.expected("0.1 to 100")));
        }
        let sink = match kind {
            AnimationKind::Gif => {
                let mut encoder = gif::Encoder::new(writer, width as u16, height as u16, &[]).map_err(write_error)?;
                encoder.set_repeat(gif::Repeat::Infinite).map_err(write_error)?;
                Sink::Gif { encoder, waiting: Vec::new(), palette: None, last: Vec::new() }
            }
            AnimationKind::Apng => {
                let mut encoder = png::Encoder::new(writer, width, height);
                encoder.set_color(png::ColorType::Rgb);
                encoder.set_depth(png::BitDepth::Eight);
                encoder.set_animated(frames, 0).map_err(write_error)?;
                Sink::Apng(encoder.write_header().map_err(write_error)?)
            }
        };
        Ok(Self { sink, width, height, frames, written: 0, delay: 1.0 / fps, last: None })
    }

    /// Adds the next frame. Opacity is ignored.
    pub fn push(&mut self, frame: &RgbaImage) -> Result<()> {
        if frame.dimensions() != (self.width, self.height) {
            let problem = Problem::new("a frame does not have the size of its animation");
            let problem = problem.found(format!("{} x {}", frame.width(), frame.height()));
            return Err(Error::bug(problem.expected(format!("{} x {}", self.width, self.height))));
        }
        if self.written + self.waiting() >= self.frames {
            return Err(Error::bug(
                Problem::new("an animation was given more frames than it was promised").expected(self.frames),
            ));
        }
        match &mut self.sink {
            Sink::Apng(_) => self.push_apng(frame),
            Sink::Gif { waiting, palette, .. } => {
                if palette.is_some() {
                    return self.push_gif(frame);
                }
                waiting.push(frame.clone());
                if waiting.len() == PALETTE_FRAMES { self.release() } else { Ok(()) }
            }
        }
    }

    /// Ends the animation; an error if frames are missing.
    pub fn finish(mut self) -> Result<()> {
        self.release()?;
        if self.written != self.frames {
            let problem = Problem::new("an animation was given fewer frames than it was promised");
            return Err(Error::bug(problem.found(self.written).expected(self.frames)));
        }
        match self.sink {
            // dropping the encoder writes the trailer too, but would swallow its error
            Sink::Gif { encoder, .. } => encoder.into_inner().map_err(write_error)?.flush().map_err(write_error),
            Sink::Apng(writer) => writer.finish().map_err(write_error),
        }
    }

    fn waiting(&self) -> u32 {
        if let Sink::Gif { waiting, .. } = &self.sink { waiting.len() as u32 } else { 0 }
    }

    /// Makes the palette from the frames held back and writes them.
    fn release(&mut self) -> Result<()> {
        let Sink::Gif { waiting, palette, .. } = &mut self.sink else { return Ok(()) };
        if waiting.is_empty() {
            return Ok(());
        }
        let frames = std::mem::take(waiting);
        *palette = Some(Palette::of(&frames.iter().collect::<Vec<_>>()));
        frames.iter().try_for_each(|frame| self.push_gif(frame))
    }

    /// Seconds the next frame stands.
    fn seconds(&self) -> f64 {
        if self.written + 1 == self.frames { self.delay.max(HOLD_SECONDS) } else { self.delay }
    }

    fn push_apng(&mut self, frame: &RgbaImage) -> Result<()> {
        let milliseconds = (self.seconds() * 1000.0).round() as u16;
        // the first frame of an APNG must fill the picture
        let (x, y, w, h) = match &self.last {
            Some(last) => changed(self.width, self.height, |i| {
                last.as_raw()[4 * i..4 * i + 3] != frame.as_raw()[4 * i..4 * i + 3]
            }),
            None => (0, 0, self.width, self.height),
        };
        let Sink::Apng(writer) = &mut self.sink else { return Ok(()) };
        let mut bytes = Vec::with_capacity(3 * w as usize * h as usize);
        for row in y..y + h {
            let start = 4 * (row as usize * self.width as usize + x as usize);
            let pixels = &frame.as_raw()[start..start + 4 * w as usize];
            bytes.extend(pixels.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]));
        }
        writer.reset_frame_position().map_err(write_error)?;
        writer.set_frame_dimension(w, h).map_err(write_error)?;
        writer.set_frame_position(x, y).map_err(write_error)?;
        writer.set_frame_delay(milliseconds, 1000).map_err(write_error)?;
        writer.set_blend_op(png::BlendOp::Source).map_err(write_error)?;
        writer.set_dispose_op(png::DisposeOp::None).map_err(write_error)?;
        writer.write_image_data(&bytes).map_err(write_error)?;
        self.last = Some(frame.clone());
        self.written += 1;
        Ok(())
    }

    fn push_gif(&mut self, frame: &RgbaImage) -> Result<()> {
        let delay = (self.seconds() * 100.0).round().clamp(1.0, 65_535.0) as u16;
        let (width, height) = (self.width, self.height);
        let Sink::Gif { encoder, palette: Some(palette), last, .. } = &mut self.sink else { return Ok(()) };
        let (mut pixels, error) = palette.map(frame);
        if error > DRIFT {
            *palette = Palette::of(&[frame]);
            pixels = palette.map(frame).0;
            last.clear();
        }
        let whole = last.len() != pixels.len();
        let (x, y, w, h) = if whole { (0, 0, width, height) } else { changed(width, height, |i| last[i] != pixels[i]) };
        let mut bytes = Vec::with_capacity(w as usize * h as usize);
        for row in y..y + h {
            let start = row as usize * width as usize + x as usize;
            let same = |i: usize| !whole && last[i] == pixels[i];
            bytes.extend((start..start + w as usize).map(|i| if same(i) { Palette::TRANSPARENT } else { pixels[i] }));
        }
        let frame = gif::Frame {
            delay,
            left: x as u16,
            top: y as u16,
            width: w as u16,
            height: h as u16,
            palette: Some(palette.bytes()),
            transparent: Some(Palette::TRANSPARENT),
            dispose: gif::DisposalMethod::Keep,
            buffer: bytes.into(),
            ..gif::Frame::default()
        };
        encoder.write_frame(&frame).map_err(write_error)?;
        *last = pixels;
        self.written += 1;
        Ok(())
    }
}

/// The smallest rectangle around the pixels for which `differs`; one pixel where there are none.
fn changed(width: u32, height: u32, differs: impl Fn(usize) -> bool) -> Rectangle {
    let (mut left, mut top, mut right, mut bottom) = (width, height, 0, 0);
    for row in 0..height {
        for column in (0..width).filter(|column| differs(row as usize * width as usize + *column as usize)) {
            (left, right) = (left.min(column), right.max(column + 1));
            (top, bottom) = (top.min(row), bottom.max(row + 1));
        }
    }
    if right == 0 { (0, 0, 1, 1) } else { (left, top, right - left, bottom - top) }
}

/// Writes a still as an opaque 8-bit PNG.
pub fn write_png(image: &RgbaImage, writer: impl Write) -> Result<()> {
    let mut encoder = png::Encoder::new(writer, image.width(), image.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(write_error)?;
    let bytes: Vec<u8> = image.pixels().flat_map(|p| [p.0[0], p.0[1], p.0[2]]).collect();
    writer.write_image_data(&bytes).map_err(write_error)?;
    writer.finish().map_err(write_error)
}

fn write_error(error: impl std::fmt::Display) -> Error {
    Error::write(Problem::new(format!("the picture cannot be written: {error}")))
}
