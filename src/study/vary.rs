//! `--vary KEY=FROM..TOxFACTOR` or `KEY=a,b,c`.

use crate::error::{Error, Problem, Result};

/// Most values of a key.
const MOST: usize = 64;

/// Values of a key.
#[derive(Debug, Clone, PartialEq)]
pub struct Vary {
    /// The key.
    pub key: String,
    /// Its values, in the order given.
    pub values: Vec<f64>,
}

/// Reads `n=500..256000x2` or `n=500,1000`.
pub fn parse_vary(text: &str) -> Result<Vary> {
    let bad = || {
        let problem = Problem::new("the values to vary cannot be read").at("--vary").found(format!("`{text}`"));
        let expected = format!("KEY=FROM..TOxFACTOR or KEY=a,b,c with 1 to {MOST} positive numbers");
        Error::usage(problem.expected(expected).hint("--vary N=50..1600x2"))
    };
    let number = |s: &str| s.trim().parse::<f64>().ok().filter(|v| v.is_finite() && *v > 0.0).ok_or_else(bad);
    let (key, list) = text.split_once('=').ok_or_else(bad)?;
    let values = match list.split_once("..") {
        Some((from, rest)) => {
            let (to, factor) = rest.split_once('x').ok_or_else(bad)?;
            let (from, to, factor) = (number(from)?, number(to)?, number(factor)?);
            if factor <= 1.0 || to < from {
                return Err(bad());
            }
            let most = to * (1.0 + 1e-9);
            (0..=MOST as i32).map(|i| from * factor.powi(i)).take_while(|v| *v <= most).collect()
        }
        None => list.split(',').map(number).collect::<Result<Vec<f64>>>()?,
    };
    if key.trim().is_empty() || values.is_empty() || values.len() > MOST {
        return Err(bad());
    }
    Ok(Vary { key: key.trim().into(), values })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_lists_are_read_and_others_refused() {
        assert_eq!(parse_vary("N=50..400x2").unwrap().values, [50.0, 100.0, 200.0, 400.0]);
        assert_eq!(parse_vary("n=3, 5").unwrap(), Vary { key: "n".into(), values: vec![3.0, 5.0] });
        for wrong in ["", "N", "N=", "=1", "N=1..x2", "N=1..9x1", "N=9..1x2", "N=-1", "N=nan", "N=1..1e300x1.01"] {
            assert!(parse_vary(wrong).unwrap_err().to_string().contains("--vary"), "{wrong}");
        }
    }
}
