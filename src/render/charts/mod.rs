//! Ready figures: plain data in, a finished picture out.

mod curves;
mod pairs;
mod plane;

pub use curves::{LossCurves, MetricBar, Series, SeriesKind, TimeBins, loss_curves, metric_bars, time_bins};
pub use pairs::{MAX_COLUMNS, PairPlot, pair_plot};
pub use plane::{
    Grid, Picture, Trajectories, View, density_heat_map, heat_raster, scatter_over_density, score_field, trajectory_fan,
};
