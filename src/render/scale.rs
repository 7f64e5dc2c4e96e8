//! Axes as arithmetic: ranges that any data survives, ticks at 1-2-5 steps, labels as people write numbers.

/// A closed interval of an axis, low < high, linear or logarithmic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// The left or lower end.
    pub low: f64,
    /// The right or upper end.
    pub high: f64,
    /// Logarithmic.
    pub log: bool,
}

/// Marks of an axis.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ticks {
    /// Values with their labels.
    pub major: Vec<(f64, String)>,
    /// Values without labels.
    pub minor: Vec<f64>,
}

/// Whether the labels of these ticks keep apart.
type Fits<'a> = &'a dyn Fn(&[(f64, String)]) -> bool;

impl Scale {
    /// The interval spanned by `range`, made usable: ordered, finite, of positive width, positive if `log`.
    pub fn new(range: (f64, f64), log: bool) -> Self {
        const LIMIT: f64 = 1e290;
        let ends = [range.0, range.1].map(|end| if end.is_finite() { end.clamp(-LIMIT, LIMIT) } else { f64::NAN });
        let (mut low, mut high) = match (ends[0].is_nan(), ends[1].is_nan()) {
            (false, false) => (ends[0].min(ends[1]), ends[0].max(ends[1])),
            (false, true) => (ends[0], ends[0]),
            (true, false) => (ends[1], ends[1]),
            (true, true) if log => (0.1, 1.0),
            (true, true) => (0.0, 1.0),
        };
        if log {
            high = if high > 0.0 { high.max(1e-289) } else { 1.0 };
            low = if low > 0.0 { low.max(1e-290) } else { high * 1e-3 };
            if high / low < 1.0 + 1e-6 {
                (low, high) = (low / 2.0, high * 2.0);
            }
        } else {
            // below this width the labels of neighbouring ticks could not be told apart
            let size = low.abs().max(high.abs());
            if high - low <= 1e-9 * size || high - low < 1e-290 {
                let half = if size > 1e-280 { 0.5 * size.max(1e-280) } else { 0.5 };
                (low, high) = (low - half, high + half);
            }
        }
        Self { low, high, log }
    }
    /// Where `value` lies between low (0) and high (1); None where the axis has no place for it.
    pub fn fraction(&self, value: f64) -> Option<f64> {
        let part = if self.log {
            if value <= 0.0 {
                return None;
            }
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        part.is_finite().then_some(part)
    }
    /// The value at `part` of the way from low to high.
    pub fn at(&self, part: f64) -> f64 {
        if self.log { self.low * (self.high / self.low).powf(part) } else { self.low + (self.high - self.low) * part }
    }
    /// Ticks for an axis `pixels` long, about `spacing` pixels apart, whose labels need `extent(label)` pixels each.
    pub fn ticks(&self, pixels: f64, spacing: f64, extent: &dyn Fn(&str) -> f64) -> Ticks {
        let fits = |ticks: &[(f64, String)]| {
            let places: Vec<(f64, f64)> = ticks
                .iter()
                .filter_map(|(v, label)| Some((self.fraction(*v)? * pixels, extent(label) / 2.0)))
                .collect();
            places.windows(2).all(|w| w[1].0 - w[0].0 >= w[0].1 + w[1].1)
        };
        if self.log { self.log_ticks(pixels, spacing, &fits) } else { self.linear_ticks(pixels, spacing, &fits) }
    }

    fn linear_ticks(&self, pixels: f64, spacing: f64, fits: Fits) -> Ticks {
        let span = self.high - self.low;
        let mut best: Vec<(f64, String)> = Vec::new();
        let mut best_step = span;
        for level in 0..9 {
            let step = nice_step(span, level);
            let apart = step / span * pixels;
            let wanted = if best.len() < 3 { 0.55 * spacing } else { spacing };
            if apart < wanted {
                break;
            }
            let ticks = multiples(self, step);
            if fits(&ticks) {
                (best, best_step) = (ticks, step);
            }
        }
        let minor =
            if best.len() > 1 && best_step / span * pixels >= spacing { minors(self, best_step) } else { Vec::new() };
        Ticks { major: best, minor }
    }

    fn log_ticks(&self, pixels: f64, spacing: f64, fits: Fits) -> Ticks {
        let (first, last) = ((self.low.log10() - 1e-9).ceil() as i32, (self.high.log10() + 1e-9).floor() as i32);
        let decades: Vec<i32> = (first..=last).collect();
        if decades.len() < 3 {
            return self.short_log_ticks(pixels, spacing, fits);
        }
        let per_decade = pixels / (self.high / self.low).log10();
        let minor: Vec<f64> = if per_decade < 14.0 { Vec::new() } else { self.nines(first, last) };
        for every in 1..=decades.len() as i32 {
            let chosen = decades.iter().filter(|k| k.rem_euclid(every) == 0);
            let major: Vec<(f64, String)> = chosen.map(|&k| (10f64.powi(k), power_of_ten(k))).collect();
            if major.len() < 2 || (per_decade * f64::from(every) >= 0.5 * spacing && fits(&major)) {
                return Ticks { major, minor };
            }
        }
        Ticks { major: Vec::new(), minor }
    }

    /// Fewer than three decades: 1-2-5 inside each, or a linear step where even those are too few.
    fn short_log_ticks(&self, pixels: f64, spacing: f64, fits: Fits) -> Ticks {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let narrow = self.high / self.low < 10.0;
        for digits in [&[1.0, 2.0, 3.0, 4.0, 6.0, 8.0][..], &[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]] {
            if digits.len() > 3 && !narrow {
                continue;
            }
            let all = (first..=last).flat_map(|k| digits.iter().map(move |d| d * 10f64.powi(k)));
            let inside: Vec<f64> =
                all.filter(|v| *v >= self.low * (1.0 - 1e-9) && *v <= self.high * (1.0 + 1e-9)).collect();
            if inside.len() < 2 {
                break;
            }
            let major: Vec<(f64, String)> = inside.into_iter().map(|v| (v, plain(v))).collect();
            if fits(&major) && pixels / major.len() as f64 >= 0.7 * spacing {
                return Ticks { major, minor: self.nines(first, last) };
            }
        }
        self.linear_ticks(pixels, spacing, fits)
    }

    /// 2 to 9 times every power of ten inside the interval.
    fn nines(&self, first: i32, last: i32) -> Vec<f64> {
        let all = (first - 1..=last).flat_map(|k| (2..10).map(move |d| f64::from(d) * 10f64.powi(k)));
        all.filter(|v| *v >= self.low && *v <= self.high).collect()
    }
}

/// The interval that holds every finite value (every positive one if `log`), widened by `margin` of itself.
pub fn range_of<'a>(values: impl IntoIterator<Item = &'a f64>, margin: f64, log: bool) -> (f64, f64) {
    let usable = values.into_iter().copied().filter(|v| v.is_finite() && (!log || *v > 0.0));
    let (low, high) = usable.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return (f64::NAN, f64::NAN);
    }
    let scale = Scale::new((low, high), log);
    (scale.at(-margin), scale.at(1.0 + margin))
}

/// The 1-2-5 number that is `level` places below the first one at or under `span`.
fn nice_step(span: f64, level: i32) -> f64 {
    let power = span.log10().floor() as i32;
    let head = span / 10f64.powi(power);
    let top = if head >= 5.0 {
        2
    } else if head >= 2.0 {
        1
    } else {
        0
    };
    let place = 3 * power + top - level;
    [1.0, 2.0, 5.0][place.rem_euclid(3) as usize] * 10f64.powi(place.div_euclid(3))
}

fn multiples(scale: &Scale, step: f64) -> Vec<(f64, String)> {
    let (first, last) = ((scale.low / step - 1e-6).ceil(), (scale.high / step + 1e-6).floor());
    let count = if (last - first).abs() < 1000.0 { (last - first) as i64 } else { -1 };
    let biggest = scale.low.abs().max(scale.high.abs());
    (0..=count).map(|k| (first + k as f64) * step).map(|v| (v, label(v, step, biggest))).collect()
}

fn minors(scale: &Scale, step: f64) -> Vec<f64> {
    let leading = step / 10f64.powf(step.log10().floor());
    let parts = if (1.5..3.0).contains(&leading) { 4.0 } else { 5.0 };
    let fine = step / parts;
    let (first, last) = ((scale.low / fine).ceil(), (scale.high / fine).floor());
    let count = if last - first < 1000.0 { (last - first) as i64 } else { -1 };
    (0..=count).map(|k| first + k as f64).filter(|k| k % parts != 0.0).map(|k| k * fine).collect()
}

/// `value` with as many digits as a `step` needs, on an axis whose largest number is `biggest`.
fn label(value: f64, step: f64, biggest: f64) -> String {
    if value.abs() < 1e-6 * step {
        return "0".to_owned();
    }
    let (divisor, suffix) = match biggest {
        b if !(1e-3..1e12).contains(&b) => {
            let power = b.log10().floor() as i32;
            (10f64.powi(power), format!("×{}", power_of_ten(power)))
        }
        b if b >= 1e9 => (1e9, "G".to_owned()),
        b if b >= 1e6 => (1e6, "M".to_owned()),
        b if b >= 1e4 => (1e3, "k".to_owned()),
        _ => (1.0, String::new()),
    };
    let decimals = (-(step / divisor).log10() - 1e-9).ceil().clamp(0.0, 9.0) as usize;
    minus(&format!("{:.decimals$}", value / divisor)) + &suffix
}

/// A number that stands alone: up to three significant digits, scientific when very large or small.
pub fn plain(value: f64) -> String {
    if !value.is_finite() || value == 0.0 {
        return minus(&value.to_string());
    }
    let power = value.abs().log10().floor() as i32;
    if (-3..5).contains(&power) {
        let text = format!("{value:.*}", (2 - power).clamp(0, 6) as usize);
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        return minus(text);
    }
    let head = format!("{:.2}", value / 10f64.powi(power));
    let head = head.trim_end_matches('0').trim_end_matches('.');
    if head == "1" { power_of_ten(power) } else { minus(head) + "×" + &power_of_ten(power) }
}

/// An integer with thin spaces between its thousands.
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) && digits.len() > 4 {
            out.push('\u{202F}');
        }
        out.push(c);
    }
    out
}

/// 10 with its exponent raised.
pub fn power_of_ten(power: i32) -> String {
    let raised = power
        .to_string()
        .chars()
        .map(|c| match c {
            '-' => '⁻',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            digit => char::from_u32(0x2070 + digit.to_digit(10).unwrap_or(0)).unwrap_or(digit),
        })
        .collect::<String>();
    format!("10{raised}")
}

fn minus(text: &str) -> String {
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(range: (f64, f64), log: bool, pixels: f64) -> Vec<String> {
        Scale::new(range, log)
            .ticks(pixels, 60.0, &|s| 7.0 * s.chars().count() as f64)
            .major
            .into_iter()
            .map(|t| t.1)
            .collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(labels((-4.0, 4.0), false, 300.0), ["−4", "−2", "0", "2", "4"]);
        assert_eq!(labels((0.0, 20000.0), false, 400.0), ["0", "5k", "10k", "15k", "20k"]);
        assert_eq!(
            labels((0.0, 0.31), false, 250.0),
            ["0.0", "0.1", "0.2", "0.3"].map(|s| if s == "0.0" { "0" } else { s })
        );
        assert_eq!(labels((1e-3, 1.0), true, 300.0), ["10⁻³", "10⁻²", "10⁻¹", "10⁰"]);
        assert_eq!(labels((0.04, 0.6), true, 300.0), ["0.05", "0.1", "0.2", "0.5"]);
        assert_eq!(plain(12345.6), "12346");
        assert_eq!(plain(-0.00002), "−2×10⁻⁵");
        assert_eq!(grouped(100000), "100\u{202F}000");
    }

    #[test]
    fn every_range_gives_a_usable_scale() {
        let odd = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            1e-320,
            1e308,
            -1e308,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            1e9,
            1e9 + 1e-6,
            3e-290,
        ];
        for a in odd {
            for b in odd {
                for log in [false, true] {
                    let scale = Scale::new((a, b), log);
                    assert!(
                        scale.low < scale.high && scale.low.is_finite() && scale.high.is_finite(),
                        "{a} {b} {log} {scale:?}"
                    );
                    assert!(!log || scale.low > 0.0);
                    for pixels in [0.0, 5.0, 60.0, 3000.0] {
                        let ticks = scale.ticks(pixels, 60.0, &|s| 7.0 * s.len() as f64);
                        assert!(ticks.major.len() < 200 && ticks.minor.len() < 8000, "{scale:?} {pixels}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_range_ignores_what_is_not_a_number() {
        assert_eq!(range_of(&[f64::NAN, 1.0, f64::INFINITY, 3.0], 0.0, false), (1.0, 3.0));
        assert!(range_of(&[], 0.1, true).0.is_nan());
    }
}
