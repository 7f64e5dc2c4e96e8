//! Drawing: dense clouds on the device, axes and text on the host, stills and animations.
//!
//! A [`figure::Figure`] is a plain value: panels in a grid, each with layers inside axes. Its layout is solved before
//! anything is drawn, so that the device can draw a cloud into exactly the pixels of a panel; the host then adds axes,
//! numbers, legends and text. [`charts`] has the ready figures, [`animation`] writes frames as GIF or APNG and stills
//! as PNG, [`cloud`] draws clouds on the device, and [`twin`] holds plain versions of the kernels in `shaders/render`.

pub mod animation;
mod axes;
pub mod canvas;
pub mod charts;
pub mod cloud;
pub mod colour;
pub mod figure;
pub mod layout;
mod paint;
mod quantise;
pub mod scale;
pub mod text;
pub mod twin;

pub use animation::{AnimationKind, FrameWriter, write_png};
pub use canvas::Canvas;
pub use colour::{Colour, ColourMap, Theme};
pub use figure::{Axis, ColourBar, Drawing, Figure, Frame, Key, Layer, Panel};
pub use layout::{Area, Layout};
