// The mean of the standard normal density over [low, high], and its slope, without loss of digits in the tails:
//
//   (ln((Phi(high) - Phi(low)) / (high - low)), d/du of it)   where u shifts both ends
//
// Narrow intervals by Taylor series, those over which the density falls by less than e^6 by eight Gauss-Legendre nodes,
// wide ones by Mills ratios (1 - Phi) / phi. Twin: `distribution::log_interval`, in f64 and by other formulas.

const LN_SQRT_TAU: f32 = 0.9189385332;

// (1 - Phi(u)) / phi(u) for u >= 0, relative error 1.2e-7: a polynomial in (u - 3) / (u + 3), over u + 1.5.
fn mills(u: f32) -> f32 {
    let v = (u - 3.0) / (u + 3.0);
    let far = 0.00624610368 + v * (-0.0013154434 + v * (-0.00102539746 + v * (0.000137477326 + v * 0.000134485495)));
    let middle = 0.113249156 + v * (0.0552903484 + v * (-0.0492750898 + v * (0.0065461051 + v * far)));
    return (1.37065636 + v * (-0.500644082 + v * middle)) / (u + 1.5);
}

// One pair of nodes at centre -+ offset: the weights times the density relative to that at `near`, and their moments.
fn node_pair(centre: f32, offset: f32, near: f32, weight: f32) -> vec2<f32> {
    let u = vec2<f32>(centre - offset, centre + offset);
    let p = weight * exp(-0.5 * (u - near) * (u + near));
    return vec2<f32>(p.x + p.y, dot(p, u));
}

fn log_interval(low: f32, high: f32) -> vec2<f32> {
    let centre = 0.5 * (low + high);
    // the density is even: only intervals with their centre to the right
    let c = abs(centre);
    let half = 0.5 * (high - low);
    let width = high - low;
    let a = c - half;
    let z = c + half;
    let near = max(a, 0.0);
    let base = -0.5 * near * near - LN_SQRT_TAU;
    var log_mean = 0.0;
    var slope = 0.0;
    if width * max(c, 1.0) < 0.2 {
        let c2 = c * c;
        let w2 = width * width;
        let more = w2 * (c2 - 1.0) / 24.0 + w2 * w2 * (c2 * c2 - 6.0 * c2 + 3.0) / 1920.0;
        let change = w2 * c / 12.0 + w2 * w2 * (4.0 * c2 - 12.0) * c / 1920.0;
        // ln(1 + more), more at most 0.002
        log_mean = -0.5 * c2 - LN_SQRT_TAU + more * (1.0 - more * (0.5 - more * 0.33333333));
        slope = -c + change / (1.0 + more);
    } else if width * z < 6.0 {
        var sums = node_pair(c, half * 0.1834346425, near, 0.3626837834);
        sums += node_pair(c, half * 0.5255324099, near, 0.3137066459);
        sums += node_pair(c, half * 0.7966664774, near, 0.2223810345);
        sums += node_pair(c, half * 0.9602898565, near, 0.1012285363);
        log_mean = base + log(0.5 * sums.x);
        slope = -sums.y / sums.x;
    } else if a >= 0.0 {
        let drop = exp(-width * c);
        let mass = mills(a) - mills(z) * drop;
        log_mean = base + log(mass / width);
        slope = (drop - 1.0) / mass;
    } else {
        let left = exp(-0.5 * a * a - LN_SQRT_TAU);
        let right = exp(-0.5 * z * z - LN_SQRT_TAU);
        let mass = 1.0 - mills(z) * right - mills(-a) * left;
        log_mean = log(mass / width);
        slope = (right - left) / mass;
    }
    return vec2<f32>(log_mean, select(slope, -slope, centre < 0.0));
}
