//! Figures, stills and animations from the outside: alignment, sizes, odd data.
#![allow(clippy::result_large_err)]

use image::{AnimationDecoder, Rgba, RgbaImage};
use scorefield::error::Error;
use scorefield::render::charts::*;
use scorefield::render::*;
use std::io::Cursor;

fn plane(width: u32, x: (f64, f64), y: (f64, f64)) -> Figure {
    let mut figure =
        Figure::new(width, Theme::Dark, "A title that is rather long for a narrow picture", "a caption · with parts");
    figure.panels.push(Panel::plane(Axis::new(x, "x₁"), Axis::new(y, "x₂")));
    figure
}

#[test]
fn a_raster_lands_exactly_on_the_panels_pixels() {
    for width in [200, 333, 800, 1601] {
        let mut figure = plane(width, (-1.0, 3.0), (0.5, 2.0));
        figure.panels[0].colour_bar =
            Some(ColourBar { map: ColourMap::Viridis, part: (0.0, 1.0), axis: Axis::new((0.0, 1.0), "p") });
        let layout = figure.layout().unwrap();
        let (x, y, w, h) = layout.panel_pixels(0).unwrap();
        let raster =
            RgbaImage::from_fn(w, h, |i, j| Rgba([(i % 251) as u8, (j % 241) as u8, ((i ^ j) % 256) as u8, 255]));
        figure.panels[0].layers.push(Layer::Raster(raster.clone()));
        let image = figure.draw().unwrap().image;
        assert_eq!(image.dimensions(), (layout.width, layout.height));
        for (i, j, pixel) in raster.enumerate_pixels() {
            assert_eq!(image.get_pixel(x + i, y + j), pixel, "({i}, {j}) at width {width}");
        }
    }
}

#[test]
fn data_coordinates_and_pixels_agree() {
    let mut figure = plane(700, (-1.0, 3.0), (0.5, 2.0));
    let layout = figure.layout().unwrap();
    let (x, y, w, h) = layout.panel_pixels(0).unwrap();
    let ((x_low, x_high), (y_low, y_high)) = layout.panel_ranges(0).unwrap();
    let (sx, sy) = ((x_high - x_low) / f64::from(w), (y_high - y_low) / f64::from(h));
    assert!((sx / sy - 1.0).abs() < 1e-9, "a pixel is {sx} by {sy}");
    assert!(x_low == -1.0 && x_high == 3.0 && y_low <= 0.5 && y_high >= 2.0 && y_high - y_low < 1.5 + 1.01 * sy);
    // a kernel's point, a disc and the corner pixel meet in the middle of one pixel
    let (i, j) = (3, 5);
    let at = (x_low + (f64::from(i) + 0.5) * sx, y_high - (f64::from(j) + 0.5) * sy);
    let mut counts = vec![0; (w * h) as usize];
    twin::count([at], &layout.panels[0].window(), &mut counts);
    assert_eq!(counts[(j * w + i) as usize], 1);
    let red = Colour::hex(0xFF0000);
    figure.panels[0].layers.push(Layer::Points {
        xs: vec![at.0],
        ys: vec![at.1],
        colour: red,
        radius: 0.9 / layout.unit,
    });
    let image = figure.draw().unwrap().image;
    assert_eq!(image.get_pixel(x + i, y + j).0[0], 255);
    for (di, dj) in [(-1, 0), (1, 0), (0, -1), (0, 1)] {
        let side = image.get_pixel((x + i).saturating_add_signed(di), (y + j).saturating_add_signed(dj)).0[0];
        assert!((60..200).contains(&side), "{side}");
    }
}

#[test]
fn every_width_gives_a_layout_inside_the_picture() {
    for width in (200..=4000).step_by(137).chain([64, 16384]) {
        for columns in [1, 2, 3, 6] {
            let mut figure = plane(width, (-4.0, 4.0), (-4.0, 4.0));
            figure.columns = columns;
            figure.panels[0].colour_bar =
                Some(ColourBar { map: ColourMap::Dusk, part: (0.0, 1.0), axis: Axis::new((0.0, 12345.0), "density") });
            figure.panels[0].legend =
                (0..5).map(|i| (Key::Dot(Theme::Dark.category(i)), format!("entry number {i}"))).collect();
            let panel = figure.panels[0].clone();
            figure.panels.resize(columns * 2, panel);
            let layout = figure.layout().unwrap();
            for (i, area) in layout.panels.iter().enumerate() {
                assert!(area.x + area.w < layout.width && area.y + area.h < layout.height, "{width} {columns}");
                assert!(
                    area.w * 4 * columns as u32 > width || width < 100 * columns as u32,
                    "{width} {columns}: {}",
                    area.w
                );
                for other in &layout.panels[..i] {
                    let apart = area.x >= other.x + other.w
                        || other.x >= area.x + area.w
                        || area.y >= other.y + other.h
                        || other.y >= area.y + area.h;
                    assert!(apart, "{width} {columns}");
                }
            }
        }
    }
    assert!(matches!(plane(63, (0.0, 1.0), (0.0, 1.0)).layout(), Err(Error::Usage(_))));
    assert!(matches!(plane(16385, (0.0, 1.0), (0.0, 1.0)).draw(), Err(Error::Usage(_))));
}

const ODD: [f64; 9] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1e308, 1e308, 1e-310, -3.0, 2.0];

#[test]
fn no_data_is_too_odd_to_draw() {
    let pairs: Vec<(f64, f64)> = ODD.iter().flat_map(|a| ODD.map(|b| (*a, b))).collect();
    let (xs, ys): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let colour = Colour::hex(0x123456);
    let layers = vec![
        Layer::Points { xs: xs.clone(), ys: ys.clone(), colour, radius: 2.0 },
        Layer::Line { xs: xs.clone(), ys: ys.clone(), colour, width: 1.0, dashed: true },
        Layer::Path {
            xs: xs.clone(),
            ys: ys.clone(),
            values: ys.clone(),
            map: ColourMap::Magma,
            part: (0.0, 1.0),
            width: 1.0,
            alpha: 0.5,
        },
        Layer::Arrows {
            at: pairs.clone(),
            along: pairs.clone(),
            full: 1.0,
            longest: 9.0,
            map: ColourMap::Magma,
            part: (0.0, 1.0),
        },
        Layer::HorizontalLine { y: f64::NAN, label: "floor".into(), colour, dashed: true },
        Layer::Band { xs: xs.clone(), low: ys.clone(), high: xs.clone(), colour },
        Layer::Bars { edges: xs.clone(), heights: ys.clone(), fill: colour, outline: Some(colour) },
        Layer::Text { x: 1e300, y: 0.0, text: "\u{1b}[31m\u{1F600}".into(), colour },
    ];
    for (range, log) in pairs.iter().flat_map(|r| [(*r, false), (*r, true)]) {
        let mut figure = plane(200, range, (range.1, range.0));
        figure.panels[0].equal_aspect = !log;
        figure.panels[0].x.log = log;
        figure.panels[0].layers.clone_from(&layers);
        assert!(figure.draw().unwrap().skipped > 0);
    }
}

#[test]
fn charts_survive_empty_and_odd_data() {
    for odd in [&[][..], &ODD[..1], &ODD, &[1.0], &[5.0, 5.0, 5.0]] {
        for (theme, log) in [(Theme::Light, (true, true)), (Theme::Dark, (false, false))] {
            let kinds = [SeriesKind::Train, SeriesKind::HeldOut];
            let series = kinds
                .map(|kind| Series {
                    name: "s".into(),
                    steps: odd.to_vec(),
                    values: odd.to_vec(),
                    kind,
                    band: vec![(1.0, 2.0); odd.len()],
                })
                .to_vec();
            let floor = Some((odd.first().copied().unwrap_or(0.1), f64::NAN));
            let (title, caption) = (String::new(), String::new());
            loss_curves(&LossCurves { width: 300, theme, title, caption, series, floor, log }).unwrap();
            let (edges, losses, floors) = (odd.to_vec(), odd.to_vec(), odd.to_vec());
            time_bins(&TimeBins {
                width: 300,
                theme,
                title: String::new(),
                caption: String::new(),
                edges,
                losses,
                floors,
                log_y: log.1,
            })
            .unwrap();
            let names = ["only".to_owned()];
            let (title, caption) = (String::new(), String::new());
            pair_plot(&PairPlot { width: 300, theme, title, caption, names: &names, real: odd, generated: odd }, None)
                .unwrap();
        }
    }
    assert!(metric_bars(300, Theme::Dark, "", "", "W₂", &[]).is_ok());
}

#[test]
fn points_that_are_not_numbers_are_counted() {
    let labels = ["x".to_owned(), "y".to_owned()];
    let range = (-1.0, 1.0);
    let view = View {
        width: 300,
        theme: Theme::Light,
        title: String::new(),
        caption: String::new(),
        x_range: range,
        y_range: range,
        labels,
    };
    let cloud = [(0.0, 0.0), (f64::NAN, 0.0), (0.0, f64::INFINITY)];
    assert_eq!(scatter_over_density(&view, Picture::Nothing, Picture::Cloud(&cloud)).unwrap().skipped, 2);
    let grid = Grid { rows: 2, columns: 2, values: vec![0.0, 1.0, f64::NAN, 3.0], x_range: range, y_range: range };
    assert_eq!(density_heat_map(&view, &grid, "p", false).unwrap().skipped, 1);
    assert!(score_field(&view, &cloud, &cloud, Picture::Nothing, "t").unwrap().skipped > 0);
    let paths = Trajectories { states: &[0.0, 0.0, f64::NAN, 1.0], times: &[1.0, 0.0] };
    assert_eq!(trajectory_fan(&view, paths, Picture::Nothing).unwrap().skipped, 1);
    assert!(trajectory_fan(&view, Trajectories { states: &[0.0], times: &[] }, Picture::Nothing).is_err());
    let mut wrong = |_: &Area| Ok(RgbaImage::new(3, 3));
    assert!(matches!(scatter_over_density(&view, Picture::Drawn(&mut wrong), Picture::Nothing), Err(Error::Bug(_))));
}

/// A square that walks over a coloured ground.
fn frames(count: u32) -> Vec<RgbaImage> {
    let shade = |k: u32, i: u32, j: u32| {
        let inside = (i / 4 == k % 10) && (8..16).contains(&j);
        Rgba(if inside { [250, 80, 20, 255] } else { [255, 255, 255, 255] })
    };
    (0..count).map(|k| RgbaImage::from_fn(41, 23, |i, j| shade(k, i, j))).collect()
}

fn written(kind: AnimationKind, frames: &[RgbaImage]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = FrameWriter::new(kind, 41, 23, frames.len() as u32, 20.0, &mut bytes).unwrap();
    frames.iter().for_each(|frame| writer.push(frame).unwrap());
    writer.finish().unwrap();
    bytes
}

#[test]
fn animations_and_stills_decode_to_what_was_pushed() {
    for count in [1, 2, 8, 9, 25] {
        let frames = frames(count);
        let gif = image_gif(&written(AnimationKind::Gif, &frames));
        assert_eq!(gif, frames, "GIF of {count}");
        let decoder = image::codecs::png::PngDecoder::new(Cursor::new(written(AnimationKind::Apng, &frames))).unwrap();
        let apng = decoder.apng().unwrap().into_frames().collect_frames().unwrap();
        assert_eq!(apng.len(), frames.len());
        let last = std::time::Duration::from(apng[apng.len() - 1].delay());
        assert_eq!(last.as_millis(), 1500);
        assert!(apng.into_iter().map(image::Frame::into_buffer).eq(frames.iter().cloned()), "APNG of {count}");
    }
    let mut bytes = Vec::new();
    write_png(&frames(1)[0], &mut bytes).unwrap();
    assert_eq!(image::load_from_memory(&bytes).unwrap().into_rgba8(), frames(1)[0]);
}

/// Decodes and composes a GIF by hand, as a viewer does.
fn image_gif(bytes: &[u8]) -> Vec<RgbaImage> {
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::RGBA);
    let mut decoder = options.read_info(bytes).unwrap();
    let mut screen = RgbaImage::new(u32::from(decoder.width()), u32::from(decoder.height()));
    let mut all = Vec::new();
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        let part = RgbaImage::from_raw(u32::from(frame.width), u32::from(frame.height), frame.buffer.to_vec()).unwrap();
        for (i, j, pixel) in part.enumerate_pixels().filter(|p| p.2.0[3] > 0) {
            screen.put_pixel(i + u32::from(frame.left), j + u32::from(frame.top), *pixel);
        }
        all.push(screen.clone());
    }
    all
}

#[test]
fn a_gif_gets_a_new_palette_when_the_picture_drifts() {
    let tint = |k: u32| {
        RgbaImage::from_fn(64, 64, move |i, j| Rgba([(i * 4) as u8, (j * 4) as u8, if k < 12 { 0 } else { 255 }, 255]))
    };
    let frames: Vec<RgbaImage> = (0..14).map(tint).collect();
    let mut bytes = Vec::new();
    let mut writer = FrameWriter::new(AnimationKind::Gif, 64, 64, 14, 25.0, &mut bytes).unwrap();
    frames.iter().for_each(|frame| writer.push(frame).unwrap());
    writer.finish().unwrap();
    for (decoded, frame) in image_gif(&bytes).iter().zip(&frames) {
        let error: f64 =
            decoded.as_raw().iter().zip(frame.as_raw()).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
        assert!((error / f64::from(64 * 64)).sqrt() < 12.0);
    }
}

#[test]
fn limits_of_animations_are_usage_errors() {
    for kind in [AnimationKind::Gif, AnimationKind::Apng] {
        for (w, h, n, fps) in [
            (0, 1, 1, 1.0),
            (1, 65_536, 1, 1.0),
            (1, 1, 0, 1.0),
            (1, 1, 10_001, 1.0),
            (1, 1, 1, 0.0),
            (1, 1, 1, f64::NAN),
        ] {
            assert!(matches!(FrameWriter::new(kind, w, h, n, fps, Vec::new()), Err(Error::Usage(_))));
        }
        let mut writer = FrameWriter::new(kind, 41, 23, 2, 10.0, Vec::new()).unwrap();
        writer.push(&frames(1)[0]).unwrap();
        assert!(writer.push(&RgbaImage::new(1, 1)).is_err());
        assert!(writer.finish().is_err());
    }
}

/// Takes `0` bytes more and then fails, as a full disk does.
struct Full(usize);

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        if taken == 0 && !bytes.is_empty() { Err(std::io::Error::other("no space left")) } else { Ok(taken) }
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error_wherever_it_strikes() {
    let frames = frames(10);
    for kind in [AnimationKind::Gif, AnimationKind::Apng] {
        for room in (0..written(kind, &frames).len()).step_by(7) {
            let outcome = FrameWriter::new(kind, 41, 23, 10, 10.0, Full(room)).and_then(|mut writer| {
                frames.iter().try_for_each(|frame| writer.push(frame)).and_then(|()| writer.finish())
            });
            assert!(matches!(outcome, Err(Error::Write(_))), "{kind:?} with room for {room}");
        }
    }
}
