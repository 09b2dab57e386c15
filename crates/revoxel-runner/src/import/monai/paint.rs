//! Code that makes one map of labels out of channels, in the forms that bundles have.

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
