//! Clouds drawn by the compute shaders of `shaders/render`, on whatever engine runs the recordings.
//!
//! [`Clouds`] holds the tensors of one window and is used again for every frame of an animation; [`cloud`] and
//! [`histogram`] do the whole in one call. Points go to the device in chunks, so a cloud may be of any size; counters
//! are whole numbers, so neither chunks nor the order of threads can change a picture.

use image::RgbaImage;

use super::colour::{Colour, ColourMap};
use super::twin::{self, FULL, Tone, Window};
use crate::error::{Error, Problem, Result};
use crate::recording::{Arena, Dispatch, Engine, ProgramId, Recording, Tensor, Work};

/// Numbers uploaded at a time, at most: 16 MiB of them.
const CHUNK_NUMBERS: usize = 1 << 22;
/// Points uploaded at a time, at most.
const CHUNK_POINTS: usize = 1 << 17;

/// How a cloud is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    /// Radius of a point in pixels, 0 to 64.
    pub radius: f64,
    /// Colours from bare to crowded.
    pub paint: Paint,
    /// Opacity of a fully covered pixel, 0 to 1.
    pub opacity: f64,
    /// k in 1 - exp(-k coverage); chosen for the cloud at hand where absent, to be fixed for animations.
    pub exposure: Option<f64>,
}

/// The colours of a cloud.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Paint {
    /// One colour; crowding shows as opacity.
    Plain(Colour),
    /// A map; crowding shows as colour and opacity.
    Map(ColourMap),
}

impl Paint {
    fn table(self) -> [u32; 256] {
        match self {
            Self::Plain(colour) => [colour.packed(); 256],
            Self::Map(map) => map.packed(),
        }
    }
}

/// Points (N, D) of which two columns are drawn.
#[derive(Debug, Clone, Copy)]
pub struct Points<'a> {
    /// (N, D), row by row.
    pub rows: &'a [f32],
    /// D
    pub dim: usize,
    /// The columns of the horizontal and the vertical axis.
    pub columns: [usize; 2],
}

/// The tensors of one window, and the recordings over them.
pub struct Clouds {
    /// What is shown.
    pub window: Window,
    dim: usize,
    columns: [usize; 2],
    /// Points on the device at a time.
    rows: usize,
    points: Tensor,
    counts: Tensor,
    colours: Tensor,
    pixels: Tensor,
}

impl Clouds {
    /// Plans a window for clouds of `dim` columns, of which two are drawn, with at most `rows` points at a time.
    pub fn plan(arena: &mut Arena, window: Window, dim: usize, columns: [usize; 2], rows: usize) -> Result<Self> {
        if dim == 0 || columns.iter().any(|c| *c >= dim) {
            let problem = Problem::new("a cloud does not have the columns to draw").found(format!("{columns:?}"));
            return Err(Error::usage(problem.expected(format!("two of the columns 0 to {}", dim.saturating_sub(1)))));
        }
        let rows = rows.min(CHUNK_NUMBERS / dim).clamp(1, CHUNK_POINTS);
        let shape = [window.height as usize, window.width as usize];
        Ok(Self {
            window,
            dim,
            columns,
            rows,
            points: arena.f32("points of a cloud", &[rows, dim]),
            counts: arena.u32("counters of a cloud", &shape),
            colours: arena.u32("colours of a cloud", &[256]),
            pixels: arena.u32("pixels of a cloud", &shape),
        })
    }

    /// The counters (H, W).
    pub fn counts(&self) -> &Tensor {
        &self.counts
    }
    /// The points (rows, D).
    pub fn points(&self) -> &Tensor {
        &self.points
    }
    /// The colours (256).
    pub fn colours(&self) -> &Tensor {
        &self.colours
    }

    /// Empties the counters.
    pub fn clear(&self) -> Recording {
        let mut rec = Recording::new("clear a picture");
        let cells = self.counts.len();
        rec.push(Dispatch::new("render/clear", Work::Items(cells)).bind("counts", &self.counts).param("cells", cells));
        rec
    }

    /// Adds a disc of `radius` pixels a point.
    pub fn splat(&self, radius: f64) -> Recording {
        let mut rec = Recording::new("draw a cloud");
        let dispatch = self.over_points("render/splat").bind("coverage", &self.counts);
        rec.push(dispatch.param("radius", radius.clamp(0.0, 64.0) as f32));
        rec
    }

    /// Adds 1 to the cell of each point.
    pub fn count(&self) -> Recording {
        let mut rec = Recording::new("count a cloud");
        rec.push(self.over_points("render/count").bind("counts", &self.counts));
        rec
    }

    fn over_points(&self, kernel: &'static str) -> Dispatch {
        let (x_scale, y_scale) = self.window.scales();
        Dispatch::new(kernel, Work::Items(self.rows))
            .bind("cloud", &self.points)
            .param("points", self.rows)
            .param("dimensions", self.dim)
            .param("column_x", self.columns[0])
            .param("column_y", self.columns[1])
            .param("width", self.window.width)
            .param("height", self.window.height)
            .param("x_low", self.window.x_low as f32)
            .param("x_scale", x_scale as f32)
            .param("y_high", self.window.y_high as f32)
            .param("y_scale", y_scale as f32)
    }

    /// Counters to pixels.
    pub fn tone(&self, tone: &Tone) -> Recording {
        let mut rec = Recording::new("colour a picture");
        let cells = self.counts.len();
        rec.push(
            Dispatch::new("render/tone", Work::Items(cells))
                .bind("counts", &self.counts)
                .bind("colours", &self.colours)
                .bind("pixels", &self.pixels)
                .param("cells", cells)
                .param("unit", tone.unit as f32)
                .param("exposure", tone.exposure as f32)
                .param("opacity", tone.opacity as f32)
                .param("fade", tone.fade),
        );
        rec
    }

    /// Runs `program` over all of `points`, chunk by chunk.
    fn feed(&self, engine: &mut dyn Engine, points: &[f32], program: ProgramId) -> Result<()> {
        for piece in points.chunks(self.rows * self.dim) {
            let mut padded = piece.to_vec();
            // what is no number is drawn nowhere
            padded.resize(self.rows * self.dim, f32::NAN);
            engine.write(&self.points, &padded)?;
            engine.run(program, 1)?;
        }
        Ok(())
    }
}

/// A window whose recordings are ready, for many pictures of the same size and style.
pub struct Stage {
    arena: Arena,
    clouds: Clouds,
    style: Style,
    clear: ProgramId,
    splat: ProgramId,
    /// The tone of a fixed exposure.
    tone: Option<(f64, ProgramId)>,
}

impl Stage {
    /// Prepares a window for clouds of up to `rows` points of `dim` columns.
    pub fn new(
        engine: &mut dyn Engine,
        window: Window,
        dim: usize,
        columns: [usize; 2],
        rows: usize,
        style: Style,
    ) -> Result<Self> {
        let mut arena = Arena::new();
        let clouds = Clouds::plan(&mut arena, window, dim, columns, rows)?;
        engine.allocate(&arena)?;
        engine.write_u32(&clouds.colours, &style.paint.table())?;
        let clear = engine.prepare(&clouds.clear())?;
        let splat = engine.prepare(&clouds.splat(style.radius))?;
        Ok(Self { arena, clouds, style, clear, splat, tone: None })
    }

    /// A cloud as a transparent raster of the window's pixels.
    pub fn draw(&mut self, engine: &mut dyn Engine, points: &[f32]) -> Result<RgbaImage> {
        engine.run(self.clear, 1)?;
        self.clouds.feed(engine, points, self.splat)?;
        let exposure = match self.style.exposure {
            Some(exposure) => exposure,
            None => twin::exposure(&engine.read_u32(&self.clouds.counts)?),
        };
        let program = match self.tone {
            Some((ready, program)) if ready == exposure => program,
            _ => {
                let unit = 1.0 / f64::from(FULL);
                let tone = Tone { unit, exposure, opacity: self.style.opacity, fade: true };
                engine.prepare(&self.clouds.tone(&tone))?
            }
        };
        self.tone = Some((exposure, program));
        engine.run(program, 1)?;
        let words = engine.read_u32(&self.clouds.pixels)?;
        let window = &self.clouds.window;
        let misfit = || Error::bug(Problem::new("a cloud came back with the wrong number of pixels"));
        twin::image_of(&words, window.width, window.height).ok_or_else(misfit)
    }

    /// The exposure that suits a cloud, to be fixed for a whole animation.
    pub fn expose(&mut self, engine: &mut dyn Engine, points: &[f32]) -> Result<f64> {
        engine.run(self.clear, 1)?;
        self.clouds.feed(engine, points, self.splat)?;
        let exposure = twin::exposure(&engine.read_u32(&self.clouds.counts)?);
        self.style.exposure = Some(exposure);
        Ok(exposure)
    }

    /// Gives the tensors back.
    pub fn release(self, engine: &mut dyn Engine) {
        engine.release(&self.arena);
    }
}

/// A cloud as a transparent raster of exactly the window's pixels.
pub fn cloud(engine: &mut dyn Engine, points: Points<'_>, window: Window, style: Style) -> Result<RgbaImage> {
    let rows = points.rows.len() / points.dim.max(1);
    let mut stage = Stage::new(engine, window, points.dim, points.columns, rows, style)?;
    let image = stage.draw(engine, points.rows);
    stage.release(engine);
    image
}

/// How many points lie in each cell of a window: (H, W), row 0 at the top.
pub fn histogram(engine: &mut dyn Engine, points: Points<'_>, window: Window) -> Result<Vec<u32>> {
    let mut arena = Arena::new();
    let rows = points.rows.len() / points.dim.max(1);
    let clouds = Clouds::plan(&mut arena, window, points.dim, points.columns, rows)?;
    engine.allocate(&arena)?;
    let mut run = || {
        let (clear, count) = (engine.prepare(&clouds.clear())?, engine.prepare(&clouds.count())?);
        engine.run(clear, 1)?;
        clouds.feed(engine, points.rows, count)?;
        engine.read_u32(&clouds.counts)
    };
    let counts = run();
    engine.release(&arena);
    counts
}

/// A radius in pixels for a cloud of `count` points: crowds get smaller points, so that they keep their shading.
pub fn radius(count: usize, unit: f64) -> f64 {
    let crowd = (count as f64 / 2000.0).max(1.0);
    (1.5 * unit * crowd.powf(-0.22)).max(0.45)
}
