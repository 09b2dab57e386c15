//! `revoxel invert --weights`

use std::str::FromStr;

use super::show::counted;

/// Weights of predictions: one number each, or one for each channel.
#[derive(Clone, Debug, Default)]
pub(super) struct Weights {
    /// The first of each prediction, or all where there is no `;`.
    first: Vec<f64>,
    by_channel: Option<Vec<Vec<f64>>>,
}

impl FromStr for Weights {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let number = |text: &str| {
            let number = text.trim().parse::<f64>().ok().filter(|w| !w.is_nan());
            number.ok_or_else(|| format!("{:?} is not a number", text.trim()))
        };
        let rows: Vec<Vec<f64>> =
            text.split(';').map(|row| row.split(',').map(number).collect()).collect::<Result<_, _>>()?;
        // Those that are added up: all numbers, or those of a channel.
        let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
        let sums: Vec<f64> = match &rows[..] {
            [row] => vec![row.iter().sum()],
            rows => (0..longest).map(|channel| rows.iter().filter_map(|row| row.get(channel)).sum()).collect(),
        };
        if let Some(sum) = sums.iter().find(|sum| !sum.is_finite()) {
            return Err(format!("the weights add up to {sum}: use smaller weights"));
        }
        match <[Vec<f64>; 1]>::try_from(rows) {
            Ok([row]) => Ok(Self { first: row, by_channel: None }),
            Err(rows) => {
                let first = rows.iter().filter_map(|row| row.first().copied()).collect();
                Ok(Self { first, by_channel: Some(rows) })
            }
        }
    }
}

impl Weights {
    /// Whether none were given.
    pub(super) const fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// How many predictions have weights.
    pub(super) const fn len(&self) -> usize {
        self.first.len()
    }

    /// The weight of a prediction, where it has one for all channels.
    pub(super) fn get(&self, prediction: usize) -> Option<&f64> {
        self.first.get(prediction)
    }

    /// Refuses weights by channel.
    pub(super) fn one_each(&self) -> Result<(), String> {
        match &self.by_channel {
            Some(_) => Err("--weights: scores need one number per prediction, separated by `,`".to_owned()),
            None => Ok(()),
        }
    }

    /// The weights of each of so many predictions: one, or one for each channel. Nothing where none were given.
    pub(super) fn of_members(&self, members: usize) -> Result<Vec<Vec<f64>>, String> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        match &self.by_channel {
            // One prediction, whose channels are weighed: nothing changes, but it is not wrong.
            None if members == 1 => Ok(vec![self.first.clone()]),
            None if self.len() != members => {
                let problem = format!("{} for {}", counted(self.len(), "weight"), counted(members, "prediction"));
                Err(format!("--weights: {problem}; for weights by channel write `;` between predictions"))
            }
            None => Ok(self.first.iter().map(|weight| vec![*weight]).collect()),
            Some(rows) if rows.len() != members => {
                let problem = format!("weights of {} for {members}", counted(rows.len(), "prediction"));
                Err(format!("--weights: {problem}"))
            }
            Some(rows) => Ok(rows.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_for_predictions_or_for_their_channels() {
        let t = |text: &str, members| text.parse::<Weights>().and_then(|w| w.of_members(members));
        assert_eq!(t("", 3).unwrap(), Vec::<Vec<f64>>::new());
        assert_eq!(t("1, 0.5", 2).unwrap(), [[1.0], [0.5]]);
        assert_eq!(t("1,2,3;3,2,1", 2).unwrap(), [[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]);
        assert_eq!(t("1;3", 2).unwrap(), [[1.0], [3.0]]);
        let bad = |text: &str, members, part: &str| {
            let error = t(text, members).unwrap_err();
            assert!(error.contains(part), "{error}");
        };
        bad("1,2", 3, "2 weights for 3 predictions");
        bad("1,2;2,1", 3, "of 2 predictions for 3");
        bad("1,x", 2, "\"x\" is not a number");
        bad("1,", 2, "\"\" is not a number");
        bad("nan", 1, "is not a number");
        bad("1e308,1e308", 2, "add up to inf");
        bad("1,1e308;1,1e308", 2, "add up to inf");
        assert!("1,1e308;1,2".parse::<Weights>().is_ok());
        assert!("1,2;2,1".parse::<Weights>().unwrap().one_each().is_err());
    }
}
