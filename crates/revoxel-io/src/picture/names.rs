//! Groups the pictures of a folder into series, whose names differ in one number, or in numbers that change together.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::PictureError;
use crate::SeriesChoice;
use crate::series::fits;

/// The maximum number of series that an error lists.
const MOST_LISTED: usize = 10;

/// Pictures of one series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Series {
    /// The name of its files, with `*` for the number of the slice.
    pub(super) pattern: String,
    /// The files in the order of their names, with numbers in numeric order.
    pub(super) files: Vec<PathBuf>,
    /// The slice number in each name, without leading zeros, if names have one.
    numbers: Vec<String>,
}

/// A name, split into numbers and the text between them.
struct Parts {
    path: PathBuf,
    name: String,
    texts: Vec<String>,
    numbers: Vec<String>,
    extension: String,
}

impl Parts {
    fn of(path: PathBuf) -> Self {
        let name = name_of(&path);
        let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
        let (mut texts, mut numbers) = (vec![String::new()], Vec::<String>::new());
        let mut was_digit = false;
        for c in stem.chars() {
            let is_digit = c.is_ascii_digit();
            match (is_digit, was_digit) {
                (true, true) => numbers.last_mut().into_iter().for_each(|number| number.push(c)),
                (true, false) => {
                    numbers.push(c.into());
                    texts.push(String::new());
                }
                (false, _) => texts.last_mut().into_iter().for_each(|text| text.push(c)),
            }
            was_digit = is_digit;
        }
        let extension = match extension.to_lowercase().as_str() {
            "tiff" => "tif".to_owned(),
            "jpeg" => "jpg".to_owned(),
            other => other.to_owned(),
        };
        Self { texts, numbers, extension, path, name }
    }

    fn number(&self, field: usize) -> &str {
        let digits = &self.numbers[field];
        digits.trim_start_matches('0')
    }

    /// The name with `*` for one of its numbers.
    fn pattern(&self, field: usize) -> String {
        let numbers = self.numbers.iter().enumerate().map(|(i, n)| if i == field { "*" } else { n.as_str() });
        let stem: String =
            self.texts.iter().map(String::as_str).zip(numbers.chain([""])).flat_map(|(a, b)| [a, b]).collect();
        let extension = self.name.rsplit_once('.').map_or(String::new(), |(_, extension)| format!(".{extension}"));
        stem + &extension
    }
}

/// The series of pictures.
pub(super) fn series(files: &[PathBuf]) -> Vec<Series> {
    let mut alike: BTreeMap<(Vec<String>, String), Vec<Parts>> = BTreeMap::new();
    for parts in files.iter().cloned().map(Parts::of) {
        alike.entry((parts.texts.clone(), parts.extension.clone())).or_default().push(parts);
    }
    let mut all: Vec<Series> = alike.into_values().flat_map(of_alike).collect();
    all.sort_by(|a, b| in_order(&a.pattern, &b.pattern));
    all
}

/// The series of names that differ only in their numbers.
fn of_alike(mut alike: Vec<Parts>) -> Vec<Series> {
    alike.sort_by(|a, b| in_order(&a.name, &b.name));
    let fields = alike.first().map_or(0, |parts| parts.numbers.len());
    let distinct = |field: usize| alike.iter().map(|parts| parts.number(field)).collect::<BTreeSet<_>>().len();
    let counts: Vec<usize> = (0..fields).map(distinct).collect();
    let varying = counts.iter().filter(|count| **count > 1).count();
    // Numbers that go together, such as that of the slice and the time of its picture: each slice has its own.
    let own: Vec<usize> = (0..fields).filter(|field| counts[*field] == alike.len()).collect();
    let even = own.iter().copied().find(|field| jump_at(&numbers(&alike, *field)).is_none());
    let single = even.or(own.last().copied()).filter(|_| alike.len() > 1);
    let most = (0..fields).max_by_key(|field| counts[*field]);
    match (single, most) {
        (Some(field), _) => vec![one(alike, Some(field))],
        (None, Some(field)) if varying > 1 => {
            let mut groups: BTreeMap<Vec<String>, Vec<Parts>> = BTreeMap::new();
            for parts in alike {
                let others = (0..fields).filter(|other| *other != field).map(|other| parts.number(other).to_owned());
                groups.entry(others.collect()).or_default().push(parts);
            }
            groups.into_values().map(|parts| one(parts, Some(field))).collect()
        }
        (None, Some(field)) => vec![one(alike, Some(field))],
        (None, None) => vec![one(alike, None)],
    }
}

fn numbers(parts: &[Parts], field: usize) -> Vec<String> {
    parts.iter().map(|parts| parts.number(field).to_owned()).collect()
}

fn one(parts: Vec<Parts>, field: Option<usize>) -> Series {
    let pattern = match (field, &parts[..]) {
        (Some(field), [first, _, ..]) => first.pattern(field),
        (_, [first, ..]) => first.name.clone(),
        (_, []) => String::new(),
    };
    let numbers = field.map_or_else(Vec::new, |field| numbers(&parts, field));
    Series { pattern, files: parts.into_iter().map(|parts| parts.path).collect(), numbers }
}

impl Series {
    /// The first two files with a missing number between them: the steps from file to file are not all the same.
    pub(super) fn jump(&self) -> Option<[String; 2]> {
        let at = jump_at(&self.numbers)?;
        Some([name_of(&self.files[at]), name_of(&self.files[at + 1])])
    }

    fn check(&self) -> Result<(), PictureError> {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, number) in self.numbers.iter().enumerate() {
            if let Some(first) = seen.insert(number, at) {
                let [first, second] = [first, at].map(|at| name_of(&self.files[at]));
                return Err(PictureError::SameNumber { first, second });
            }
        }
        Ok(())
    }
}

fn jump_at(numbers: &[String]) -> Option<usize> {
    let value = |number: &String| if number.is_empty() { Some(0) } else { number.parse::<u64>().ok() };
    let numbers: Vec<u64> = numbers.iter().map(value).collect::<Option<_>>()?;
    let steps = || numbers.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
    let least = steps().min()?;
    steps().position(|step| step != least)
}

/// The chosen series.
pub(super) fn choose(files: &[PathBuf], choice: Option<&SeriesChoice>) -> Result<Series, PictureError> {
    let all = series(files);
    let wanted = match choice {
        None => all.clone(),
        Some(choice) => chosen(files, &all, choice)?,
    };
    match <[Series; 1]>::try_from(wanted) {
        Ok([only]) => only.check().map(|()| only),
        Err(none) if none.is_empty() && choice.is_some() => {
            let asked = choice.map(ToString::to_string).unwrap_or_default();
            Err(PictureError::NoSuchSeries { asked, list: list(&all) })
        }
        Err(several) => Err(PictureError::SeveralSeries { count: several.len(), list: list(&several) }),
    }
}

fn chosen(files: &[PathBuf], all: &[Series], choice: &SeriesChoice) -> Result<Vec<Series>, PictureError> {
    let SeriesChoice { name, uid, description, modality, number, min_slices, largest, files: _ } = choice;
    if uid.is_some() || description.is_some() || modality.is_some() || number.is_some() {
        return Err(PictureError::Choice(choice.to_string()));
    }
    let mut wanted = match name {
        None => all.to_vec(),
        Some(name) => {
            let place = name.parse::<usize>().ok().and_then(|place| all.get(place.checked_sub(1)?));
            match place.or_else(|| all.iter().find(|series| series.pattern.to_lowercase() == name.to_lowercase())) {
                Some(series) => vec![series.clone()],
                None => series(&files.iter().filter(|file| fits(name, &name_of(file))).cloned().collect::<Vec<_>>()),
            }
        }
    };
    wanted.retain(|series| min_slices.is_none_or(|least| series.files.len() >= least));
    if *largest {
        let most = wanted.iter().map(|series| series.files.len()).max().unwrap_or(0);
        wanted.retain(|series| series.files.len() == most);
    }
    Ok(wanted)
}

fn list(series: &[Series]) -> String {
    let line = |(place, series): (usize, &Series)| {
        let pictures = if series.files.len() == 1 { "picture" } else { "pictures" };
        format!("\n  {}: {}, {} {pictures}", place + 1, series.pattern, series.files.len())
    };
    let mut text: String = series.iter().enumerate().take(MOST_LISTED).map(line).collect();
    if series.len() > MOST_LISTED {
        text.push_str(&format!("\n  and {} more", series.len() - MOST_LISTED));
    }
    text
}

pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Compares names in natural order: `s2` before `s10`.
pub(super) fn in_order(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        match (digits(left), digits(right)) {
            (0, 0) => match (left.chars().next(), right.chars().next()) {
                (None, None) => return a.cmp(b),
                (x, y) if x != y => return x.cmp(&y),
                (x, _) => {
                    let step = x.map_or(0, char::len_utf8);
                    (left, right) = (&left[step..], &right[step..]);
                }
            },
            (0, _) | (_, 0) => return left.cmp(right),
            (m, n) => {
                let number = |text: &str| text.trim_start_matches('0').to_owned();
                let (x, y) = (number(&left[..m]), number(&right[..n]));
                let order = x.len().cmp(&y.len()).then_with(|| x.cmp(&y));
                if order != Ordering::Equal {
                    return order;
                }
                (left, right) = (&left[m..], &right[n..]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(|name| Path::new("a").join(name)).collect()
    }

    fn patterns(names: &[&str]) -> Vec<(String, usize)> {
        series(&files(names)).into_iter().map(|series| (series.pattern, series.files.len())).collect()
    }

    #[test]
    fn a_picture_that_is_missing_is_seen() {
        let jump = |names: &[&str]| choose(&files(names), None).unwrap().jump();
        assert_eq!(jump(&["s1.png", "s2.png", "s4.png"]), Some(["s2.png".to_owned(), "s4.png".to_owned()]));
        assert_eq!(jump(&["s02_x.png", "s04_x.png", "s06_x.png"]), None);
        assert_eq!(jump(&["7.png"]), None);
        assert_eq!(jump(&["s0.png", "s1.png", "s2.png"]), None);
        // The times of the pictures do not count.
        assert_eq!(jump(&["s1_103455.png", "s2_103457.png", "s3_103458.png"]), None);
    }

    #[test]
    fn names_that_differ_in_one_number_are_a_series() {
        let t = |names: &[&str], expected: &[(&str, usize)]| {
            let expected: Vec<_> = expected.iter().map(|(pattern, count)| ((*pattern).to_owned(), *count)).collect();
            assert_eq!(patterns(names), expected, "{names:?}");
        };
        t(&["s8.png", "s9.png", "s10.png"], &[("s*.png", 3)]);
        t(&["3d_s1_x.PNG", "3d_s2_x.png"], &[("3d_s*_x.PNG", 2)]);
        t(&["1.tif", "2.tiff", "3.TIF"], &[("*.tif", 3)]);
        t(&["a_1.png", "a_2.png", "b_1.png", "b_2.png"], &[("a_*.png", 2), ("b_*.png", 2)]);
        t(&["t1_z1.png", "t1_z2.png", "t1_z3.png", "t2_z1.png", "t2_z2.png"], &[("t1_z*.png", 3), ("t2_z*.png", 2)]);
        t(
            &["z1_c0.png", "z1_c1.png", "z2_c0.png", "z2_c1.png", "z3_c0.png", "z3_c1.png"],
            &[("z*_c0.png", 3), ("z*_c1.png", 3)],
        );
        t(&["s1_1034.png", "s2_1099.png"], &[("s*_1034.png", 2)]);
        t(&["s1.jpg", "s1.png"], &[("s1.jpg", 1), ("s1.png", 1)]);
        t(&["overview.png", "s1.png", "s2.png"], &[("overview.png", 1), ("s*.png", 2)]);
        t(&["s1.png"], &[("s1.png", 1)]);
        t(&["é١.png", ".png"], &[(".png", 1), ("é١.png", 1)]);
    }

    #[test]
    fn series_are_chosen_by_name_place_and_size() {
        let all = files(&["a_1.png", "a_2.png", "b_1.png", "b_2.png", "b_3.png"]);
        let of = |text: &str| choose(&all, Some(&text.parse().unwrap())).map(|series| series.pattern);
        for (text, expected) in [
            ("a_*.png", "a_*.png"),
            ("A*", "a_*.png"),
            ("2", "b_*.png"),
            ("largest", "b_*.png"),
            ("min_slices=3", "b_*.png"),
            ("b_?.png", "b_*.png"),
        ] {
            assert_eq!(of(text).as_deref(), Ok(expected), "{text}");
        }
        let error = choose(&all, None).unwrap_err().to_string();
        let list = "\n  1: a_*.png, 2 pictures\n  2: b_*.png, 3 pictures";
        assert!(
            error.starts_with("the folder contains 2 series of pictures")
                && error.contains("`series:`")
                && error.ends_with(list),
            "{error}"
        );
        assert!(of("c*").unwrap_err().to_string().ends_with(list));
        assert!(of("0").unwrap_err().to_string().contains("matches 0"));
        assert!(of("*").unwrap_err().to_string().contains("2 series"));
        assert!(of("modality=CT").unwrap_err().to_string().contains("pictures have no uid"));
        let many: Vec<PathBuf> = (b'a'..=b'z').map(|c| PathBuf::from(format!("{}.png", c as char))).collect();
        assert!(choose(&many, None).unwrap_err().to_string().ends_with("j.png, 1 picture\n  and 16 more"));
    }

    #[test]
    fn one_number_twice_is_refused() {
        let twice = files(&["s01.png", "s1.png", "s02.png", "s2.png"]);
        let error = choose(&twice, None).unwrap_err().to_string();
        assert!(error.contains("s01.png and s1.png have the same number"), "{error}");
        assert_eq!(choose(&twice, Some(&"s0*".parse().unwrap())).unwrap().files, files(&["s01.png", "s02.png"]));
        let zeros = files(&["s0.png", "s00.png"]);
        assert!(choose(&zeros, None).unwrap_err().to_string().contains("s0.png and s00.png"));
    }

    #[test]
    fn names_in_the_order_of_people() {
        let mut names = ["s10.png", "s2.png", "s02.png", "s1.png", "t.png", "s.png", "s1a.png", "S3.png", "s1.5.png"];
        names.sort_by(|a, b| in_order(a, b));
        assert_eq!(
            names,
            ["S3.png", "s.png", "s1.5.png", "s1.png", "s1a.png", "s02.png", "s2.png", "s10.png", "t.png"]
        );
    }
}
