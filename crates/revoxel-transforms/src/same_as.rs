//! The section *Same as* of a transform's documentation, made of its [peers](crate::peers).

use std::fmt::Write as _;

use crate::peers::{Argument, Peer};

/// Columns of the text, as of that in the files of the transforms.
const WIDTH: usize = 116;

/// One paragraph for each peer, and what its notes have beyond one.
pub(crate) fn same_as(peers: &[Peer]) -> String {
    let texts: Vec<String> = peers.iter().map(|peer| filled(&words(peer))).collect();
    texts.join("\n\n")
}

fn words(peer: &Peer) -> String {
    let program = peer.program.name();
    let mut text = match peer.name {
        "" => program.to_owned(),
        name if name == program => format!("`{name}`"),
        name => format!("{program} `{name}{}`", signature(peer)),
    };
    let is_default = |parameter: &str| peer.arguments().any(|argument| argument.ours() == Some(parameter));
    let always = |default: bool| -> Vec<String> {
        let chosen = peer.always.iter().filter(|(parameter, _)| is_default(parameter) == default);
        chosen.map(|(parameter, value)| format!("`{parameter}: {}`", value.trim_matches('"'))).collect()
    };
    if let Some(always) = listed(&always(false)) {
        let _ = write!(text, " with {always}");
    }
    text.push('.');
    let renamed = peer.arguments().filter_map(|argument| {
        let (theirs, ours) = (argument.theirs(), argument.ours()?);
        (theirs != ours).then(|| format!("`{theirs}` is `{ours}`"))
    });
    if let Some(renamed) = listed(&renamed.collect::<Vec<_>>()) {
        let _ = write!(text, " {renamed}.");
    }
    if let Some(default) = listed(&always(true)) {
        let _ = write!(text, " Its default is {default}.");
    }
    if !peer.notes.is_empty() {
        let gap = if peer.notes.starts_with("- ") { "\n\n" } else { " " };
        let _ = write!(text, "{gap}{}", peer.notes);
    }
    text
}

/// The arguments in parentheses, in Python; nothing where none is known.
fn signature(peer: &Peer) -> String {
    let python = |argument: Argument| match argument {
        Argument::Fixed(name, value) => {
            let value = match value {
                "true" => "True",
                "false" => "False",
                other => other,
            };
            format!("{name}={value}")
        }
        other => other.theirs().to_owned(),
    };
    let arguments: Vec<String> = peer.arguments().map(python).collect();
    if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) }
}

/// `a`, `a and b`, `a, b and c`; `None` of nothing.
fn listed(words: &[String]) -> Option<String> {
    let (last, first) = words.split_last()?;
    Some(if first.is_empty() { last.clone() } else { format!("{} and {last}", first.join(", ")) })
}

/// The text with lines of at most [`WIDTH`] columns. Items of lists are indented.
fn filled(text: &str) -> String {
    let fill = |line: &str| {
        let indent = if line.starts_with("- ") { "\n  " } else { "\n" };
        let (mut filled, mut column) = (String::new(), 0);
        for word in line.split(' ') {
            let width = word.chars().count();
            if column > 0 && column + 1 + width > WIDTH {
                filled.push_str(indent);
                column = indent.len() - 1;
            } else if column > 0 {
                filled.push(' ');
                column += 1;
            }
            filled.push_str(word);
            column += width;
        }
        filled
    };
    text.split('\n').map(fill).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_told_in_words() {
        let t = |peer: Peer, expected: &str| assert_eq!(same_as(&[peer]), expected);
        t(Peer::monai("Flipd"), "MONAI `Flipd`.");
        let smooth = Peer::imported("GaussianSmoothd").same(&["sigma"]).others(&[Argument::Fixed("approx", "\"erf\"")]);
        t(
            smooth.always(&[("sigma", "1.0"), ("edge", "\"zero\"")]).notes("Not here."),
            "MONAI `GaussianSmoothd(sigma, approx=\"erf\")` with `edge: zero`. Its default is `sigma: 1.0`. Not here.",
        );
        let crop = Peer::torchio("Crop").others(&[Argument::PadBy("padding_mode", "mode"), Argument::Mode]);
        t(
            crop.notes("- One."),
            "TorchIO `Crop(padding_mode, mode)`. `padding_mode` is `mode` and `mode` is `interpolation`.\n\n- One.",
        );
        t(Peer::new(crate::peers::Program::Dcm2niix, "dcm2niix"), "`dcm2niix`.");
    }

    #[test]
    fn lines_are_filled() {
        let long = format!("- {}", ["word"; 40].join(" "));
        let filled = filled(&format!("{long}\n\nend"));
        let lines: Vec<&str> = filled.lines().collect();
        assert_eq!((lines[0].len(), &lines[1][..6], lines[2], lines[3]), (116, "  word", "", "end"), "{filled}");
    }
}
