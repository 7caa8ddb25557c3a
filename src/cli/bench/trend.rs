/// The straight line through some points that leaves the smallest squares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// What is added for each unit.
    pub slope: f64,
    /// What there is at zero.
    pub start: f64,
    /// How much of the difference between the points the line tells, from 0 to 1 (r²).
    pub straightness: f64,
}

impl Trend {
    /// Fits a line; none through fewer than two different places, or where a value is not known.
    pub fn of(points: &[(f64, f64)]) -> Option<Self> {
        let count = points.len() as f64;
        let middle = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (x, y) = (middle(|point| point.0), middle(|point| point.1));
        let sum = |of: fn(f64, f64) -> f64| points.iter().map(|point| of(point.0 - x, point.1 - y)).sum::<f64>();
        let (xx, xy, yy) = (sum(|x, _| x * x), sum(|x, y| x * y), sum(|_, y| y * y));
        let slope = xy / xx;
        // Points that are all at one height lie on their line.
        let straightness = if yy > 0.0 { xy * xy / (xx * yy) } else { 1.0 };

        slope.is_finite().then_some(Self { slope, start: y - slope * x, straightness })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_again() {
        let points: Vec<_> = [1.0, 2.0, 5.0, 9.0].map(|x| (x, 3.0 + 0.5 * x)).to_vec();
        let trend = Trend::of(&points).unwrap();

        assert!((trend.slope - 0.5).abs() < 1e-9 && (trend.start - 3.0).abs() < 1e-9);
        assert!((trend.straightness - 1.0).abs() < 1e-9);
    }

    #[test]
    fn what_bends_is_less_straight() {
        let bent: Vec<_> = (0..10).map(|x| (f64::from(x), f64::from(x * x))).collect();
        let scattered = [(0.0, 1.0), (1.0, -1.0), (2.0, -1.0), (3.0, 1.0)];

        assert!((0.8..0.99).contains(&Trend::of(&bent).unwrap().straightness));
        assert!(Trend::of(&scattered).unwrap().straightness < 0.01);
    }

    #[test]
    fn no_line_goes_through_one_place() {
        assert_eq!(Trend::of(&[(1.0, 2.0)]), None);
        assert_eq!(Trend::of(&[(1.0, 2.0), (1.0, 3.0)]), None);
        assert_eq!(Trend::of(&[(1.0, 2.0), (2.0, f64::NAN)]), None);
    }

    #[test]
    fn what_stays_the_same_is_a_straight_line() {
        assert_eq!(Trend::of(&[(0.0, 7.0), (1.0, 7.0)]), Some(Trend { slope: 0.0, start: 7.0, straightness: 1.0 }));
    }
}
