use super::{refused, with_file};
use crate::io::read_png_density;
use image::{ImageFormat, RgbaImage};

fn png(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 4]) -> Vec<u8> {
    let picture = RgbaImage::from_fn(width, height, |x, y| image::Rgba(pixel(x, y)));
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn grey(v: u8) -> [u8; 4] {
    [v, v, v, 255]
}

#[test]
fn ink_is_mass_and_row_0_is_the_top() {
    let (_d, path) = with_file("a.png", &png(3, 2, |x, y| grey(if (x, y) == (1, 0) { 0 } else { 255 })));
    let d = read_png_density(&path).unwrap();
    assert_eq!((d.width, d.height, &d.mass[..]), (3, 2, &[0., 1., 0., 0., 0., 0.][..]));
    let (_d, path) = with_file("a.png", &png(2, 2, |x, _| if x == 0 { [0, 0, 0, 128] } else { [0, 0, 0, 0] }));
    assert_eq!(read_png_density(&path).unwrap().mass, [0.5, 0.0, 0.5, 0.0]);
}

#[test]
fn light_on_dark_is_inverted_with_a_note() {
    let (_d, path) = with_file("a.png", &png(3, 1, |x, _| grey(if x == 2 { 255 } else { 0 })));
    let d = read_png_density(&path).unwrap();
    assert_eq!(d.mass, [0.0, 0.0, 1.0]);
    assert!(d.notes[0].contains("dark edge"));
}

#[test]
fn large_pictures_are_pooled() {
    let (_d, path) = with_file("a.png", &png(1025, 3, |x, _| grey(if x < 3 { 0 } else { 255 })));
    let d = read_png_density(&path).unwrap();
    assert_eq!((d.width, d.height), (342, 1));
    assert_eq!(d.mass[0], 1.0);
}

#[test]
fn what_is_no_density_is_refused() {
    let whole = png(4, 4, |x, _| grey(if x == 0 { 0 } else { 255 }));
    for (bytes, needle) in [
        (png(4, 4, |_, _| grey(255)), "blank"),
        (png(4, 4, |_, _| grey(0)), "blank"),
        (png(4, 4, |_, _| [0, 0, 0, 0]), "blank"),
        (png(4097, 1, |x, _| grey(x as u8)), "at most 4096 x 4096"),
        (whole[..whole.len() / 2].to_vec(), "cannot be decoded"),
        (b"\xff\xd8\xff\xe0".to_vec(), "found JPEG, expected PNG"),
        (b"hello".to_vec(), "expected PNG"),
        (vec![], "empty"),
    ] {
        let (_d, path) = with_file("a.png", &bytes);
        refused(read_png_density(&path), 3, needle);
    }
}
