//! Expressions (`$`) that are values and nothing else.
//!
//! Numbers, texts, lists, references, `+` of lists, `*` of a list and a number, arithmetic, `not`, `a if b else c`, an index, π and the names of
//! `CommonKeys`. All else is code: it stays as it is, and is refused where its value is needed.

use std::cell::Cell;

use revoxel_pipeline::{Data, Node, Place};
use serde_json::Number;

use super::refer::{At, Document, only_reference};
use super::scalars;

/// How deep expressions may refer to each other.
const DEPTH: usize = 16;

/// How many values all expressions together may have.
const VALUES: usize = 50_000;

/// The configuration with the values of its expressions in their places.
pub(super) fn folded(document: &Document<'_>) -> Node {
    let values = Cell::new(VALUES);
    rewrite(&document.whole(), document, &values)
}

fn rewrite(at: &At<'_>, document: &Document<'_>, values: &Cell<usize>) -> Node {
    let place = at.node.place;
    let data = match &at.node.data {
        Data::List(_) => Data::List(at.items().iter().map(|item| rewrite(item, document, values)).collect()),
        Data::Map(_) => Data::Map(
            at.entries().iter().map(|(key, value)| ((*key).clone(), rewrite(value, document, values))).collect(),
        ),
        Data::Text(text) if text.starts_with('$') && only_reference(text).is_none() => {
            match evaluate(text, at, document, values, 0) {
                // What is computed is written nowhere.
                Some(data) => return computed(place, data),
                None => Data::Text(text.clone()),
            }
        }
        other => other.clone(),
    };
    Node { place, data }
}

fn computed(place: Place, data: Data) -> Node {
    let place = Place { length: 0, ..place };
    let data = match data {
        Data::List(items) => Data::List(items.into_iter().map(|item| computed(place, item.data)).collect()),
        other => other,
    };
    Node { place, data }
}

fn evaluate<'a>(text: &str, at: &At<'a>, document: &Document<'a>, values: &Cell<usize>, depth: usize) -> Option<Data> {
    if depth > DEPTH {
        return None;
    }
    let mut parser = Parser { rest: text.strip_prefix('$')?, at, document, values, depth };
    let value = parser.choice()?;
    parser.skip();
    parser.rest.is_empty().then_some(value)
}

struct Parser<'p, 'a> {
    rest: &'p str,
    at: &'p At<'a>,
    document: &'p Document<'a>,
    values: &'p Cell<usize>,
    depth: usize,
}

impl Parser<'_, '_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn takes(&mut self, sign: &str) -> bool {
        self.skip();
        let found = self.rest.strip_prefix(sign);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    fn takes_word(&mut self, word: &str) -> bool {
        self.skip();
        let found =
            self.rest.strip_prefix(word).filter(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    /// `a if b else c`
    fn choice(&mut self) -> Option<Data> {
        let value = self.negation()?;
        if !self.takes_word("if") {
            return Some(value);
        }
        let condition = self.negation()?;
        if !self.takes_word("else") {
            return None;
        }
        let other = self.choice()?;
        Some(if truth(&condition)? { value } else { other })
    }

    fn negation(&mut self) -> Option<Data> {
        if self.takes_word("not") {
            return Some(Data::Bool(!truth(&self.negation()?)?));
        }
        self.sum()
    }

    fn sum(&mut self) -> Option<Data> {
        let mut value = self.product()?;
        loop {
            value = if self.takes("+") {
                match (value, self.product()?) {
                    (Data::List(mut a), Data::List(b)) => {
                        a.extend(b);
                        Data::List(a)
                    }
                    (Data::Text(a), Data::Text(b)) if !is_deferred(&a) && !is_deferred(&b) => Data::Text(a + &b),
                    (a, b) => arithmetic(&a, &b, |a, b| a.checked_add(b), |a, b| a + b)?,
                }
            } else if self.takes("-") {
                arithmetic(&value, &self.product()?, |a, b| a.checked_sub(b), |a, b| a - b)?
            } else {
                return Some(value);
            };
        }
    }

    fn product(&mut self) -> Option<Data> {
        let mut value = self.sign()?;
        loop {
            value = if self.takes("*") {
                match (value, self.sign()?) {
                    (Data::List(items), Data::Number(times)) | (Data::Number(times), Data::List(items)) => {
                        self.repeated(&items, &times)?
                    }
                    (a, b) => arithmetic(&a, &b, |a, b| a.checked_mul(b), |a, b| a * b)?,
                }
            } else if !self.rest.starts_with("//") && self.takes("/") {
                // Whole numbers have fractions too.
                arithmetic(&value, &self.sign()?, |_, _| None, |a, b| a / b)?
            } else {
                return Some(value);
            };
            self.skip();
        }
    }

    /// A list, several times.
    fn repeated(&self, items: &[Node], times: &Number) -> Option<Data> {
        let times = usize::try_from(times.as_i64()?.max(0)).ok()?;
        self.values.set(self.values.get().checked_sub(items.len().checked_mul(times)?)?);
        Some(Data::List(items.iter().cycle().take(items.len() * times).cloned().collect()))
    }

    fn sign(&mut self) -> Option<Data> {
        if self.takes("-") {
            let zero = Data::Number(Number::from(0));
            return arithmetic(&zero, &self.sign()?, |a, b| a.checked_sub(b), |a, b| a - b);
        }
        let mut value = self.atom()?;
        while self.rest.starts_with('[') {
            self.rest = &self.rest[1..];
            let Data::Number(index) = self.choice()? else { return None };
            if !self.takes("]") {
                return None;
            }
            let Data::List(mut items) = value else { return None };
            let index = index.as_i64()?;
            let index = usize::try_from(if index < 0 { index + items.len() as i64 } else { index }).ok()?;
            value = (index < items.len()).then(|| items.swap_remove(index).data)?;
            if let Data::Text(text) = &value
                && is_deferred(text)
            {
                value = self.reference(&text.clone()[1..])?;
            }
        }
        self.skip();
        Some(value)
    }

    fn atom(&mut self) -> Option<Data> {
        self.skip();
        self.values.set(self.values.get().checked_sub(1)?);
        match self.rest.chars().next()? {
            '[' => self.list("[", "]").map(Data::List),
            '(' => {
                let mut inner = self.list("(", ")")?;
                // Without a comma, parentheses make no tuple.
                (inner.len() == 1).then(|| inner.swap_remove(0).data)
            }
            quote @ ('\'' | '"') => {
                let (text, rest) = self.rest[1..].split_once(quote)?;
                self.rest = rest;
                let plain = !text.contains('\\') && !text.starts_with(['@', '%', '$']);
                plain.then(|| Data::Text(text.to_owned()))
            }
            '@' => {
                let end = self.rest[1..].find(|c: char| !(c.is_alphanumeric() || "_#:".contains(c)));
                let (id, rest) = self.rest.split_at(end.map_or(self.rest.len(), |end| end + 1));
                self.rest = rest;
                self.reference(id)
            }
            c if c.is_ascii_digit() || c == '.' => {
                let mut end = 0;
                for (at, c) in self.rest.char_indices() {
                    let exponent = self.rest[..at].ends_with(['e', 'E']) && (c == '-' || c == '+');
                    if !(c.is_ascii_digit() || c == '.' || c == 'e' || c == 'E' || exponent) {
                        break;
                    }
                    end = at + 1;
                }
                let (number, rest) = self.rest.split_at(end);
                self.rest = rest;
                number
                    .parse::<i64>()
                    .map(Number::from)
                    .ok()
                    .or_else(|| Number::from_f64(number.parse().ok()?))
                    .map(Data::Number)
            }
            _ => self.name(),
        }
    }

    fn list(&mut self, open: &str, close: &str) -> Option<Vec<Node>> {
        self.takes(open).then_some(())?;
        let mut items = Vec::new();
        loop {
            if self.takes(close) {
                return Some(items);
            }
            items.push(Node { place: Place::default(), data: self.choice()? });
            if !self.takes(",") && !self.rest.starts_with(close) {
                return None;
            }
        }
    }

    fn name(&mut self) -> Option<Data> {
        let end = self.rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        if let Some((_, key)) = name.split_once("CommonKeys.") {
            let keys = ["image", "label", "pred", "loss", "metadata"];
            return keys.iter().find(|k| k.to_uppercase() == key).map(|k| Data::Text((*k).to_owned()));
        }
        match name {
            "True" => Some(Data::Bool(true)),
            "False" => Some(Data::Bool(false)),
            "None" => Some(Data::Null),
            "np.pi" | "numpy.pi" | "math.pi" | "torch.pi" => number(std::f64::consts::PI),
            _ => None,
        }
    }

    /// What `@id` stands for; maps and lists within a list stay references.
    fn reference(&self, id: &str) -> Option<Data> {
        let mut at = self.document.follow(self.at, id).ok()?;
        for _ in 0..DEPTH {
            self.values.set(self.values.get().checked_sub(1)?);
            scalars::check(at.node, self.document.texts.written(at.node.place)).ok()?;
            match &at.node.data {
                Data::Text(text) if text.starts_with(['@', '%']) => at = self.document.follow(&at, text).ok()?,
                Data::Text(text) if text.starts_with('$') => match only_reference(text) {
                    Some(reference) => at = self.document.follow(&at, reference).ok()?,
                    None => return evaluate(text, &at, self.document, self.values, self.depth + 1),
                },
                Data::Map(_) => return None,
                Data::List(_) => {
                    let items = at.items();
                    self.values.set(self.values.get().checked_sub(items.len())?);
                    let place = at.node.place;
                    let item = |item: &At<'_>| match &item.node.data {
                        Data::Text(text) if text.starts_with(['@', '%', '$']) => deferred(item),
                        Data::Map(_) | Data::List(_) => deferred(item),
                        data => data.clone(),
                    };
                    return Some(Data::List(items.iter().map(|i| Node { place, data: item(i) }).collect()));
                }
                data => return Some(data.clone()),
            }
        }
        None
    }
}

/// A reference to a place, which is followed where the value is needed.
fn deferred(at: &At<'_>) -> Data {
    Data::Text(format!("$@{}", at.id()))
}

fn is_deferred(text: &str) -> bool {
    text.starts_with("$@")
}

/// What Python takes for true.
fn truth(value: &Data) -> Option<bool> {
    match value {
        Data::Null => Some(false),
        Data::Bool(value) => Some(*value),
        Data::Number(number) => Some(number.as_f64() != Some(0.0)),
        Data::Text(text) if is_deferred(text) => None,
        Data::Text(text) => Some(!text.is_empty()),
        Data::List(items) => Some(!items.is_empty()),
        Data::Map(entries) => Some(!entries.is_empty()),
    }
}

fn arithmetic(
    a: &Data,
    b: &Data,
    whole: impl Fn(i64, i64) -> Option<i64>,
    real: impl Fn(f64, f64) -> f64,
) -> Option<Data> {
    let (Data::Number(a), Data::Number(b)) = (a, b) else { return None };
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64())
        && let Some(value) = whole(a, b)
    {
        return Some(Data::Number(Number::from(value)));
    }
    number(real(a.as_f64()?, b.as_f64()?))
}

fn number(value: f64) -> Option<Data> {
    Number::from_f64(value).map(Data::Number)
}
