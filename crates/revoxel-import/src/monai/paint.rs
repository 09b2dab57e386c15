//! Code that makes one map of labels out of channels, in the forms that bundles have.

/// Whether code has a form that is read here.
pub(super) fn is_read(func: &str) -> bool {
    painted(func).is_some() || drops_background(func) || takes_first(func) || channel(func).is_some()
}

/// The channel that code takes of a volume: a number, or a reference to one.
pub(super) fn channel(func: &str) -> Option<String> {
    let text = func.split_whitespace().collect::<String>();
    let index = text.strip_prefix("$lambdax:x[")?.strip_suffix(']')?;
    let index = [",:,:,:", ",:,:", ",..."].into_iter().find_map(|rest| index.strip_suffix(rest))?;
    let word = |c: char| c.is_alphanumeric() || "_#:".contains(c);
    let number = !index.is_empty() && index.chars().all(|c| c.is_ascii_digit());
    let reference = index.strip_prefix('@').is_some_and(|id| !id.is_empty() && id.chars().all(word));
    (number || reference).then(|| index.to_owned())
}

/// Whether code takes the first of what a model gives.
pub(super) fn takes_first(func: &str) -> bool {
    func.split_whitespace().collect::<String>() == "$lambdax:x[0]"
}

/// Whether code drops the first channel, the background.
pub(super) fn drops_background(func: &str) -> bool {
    func.split_whitespace().collect::<String>() == "$lambdax:x[1:]"
}

/// The labels that nested `torch.where` of channels paint, the last one over the others; `None` for other code.
pub(super) fn painted(func: &str) -> Option<Vec<(u64, u64)>> {
    let text: String = func.chars().filter(|c| !c.is_whitespace()).collect();
    let mut rest = text.strip_prefix("$lambdax:")?;
    let mut paint = Vec::new();
    while let Some(inner) = rest.strip_prefix("torch.where(x[[") {
        let (channel, inner) = inner.split_once("]]>0,")?;
        let (label, inner) = inner.split_once(',')?;
        paint.push((channel.parse().ok()?, label.parse().ok()?));
        rest = inner;
    }
    let closing = rest.strip_prefix('0')?;
    let closed = closing.len() == paint.len() && closing.chars().all(|c| c == ')');
    paint.reverse();
    (closed && !paint.is_empty()).then_some(paint)
}
