//! The table of labels in a NIfTI header: an extension in the XML of Connectome Workbench (Caret).
//!
//! It is written twice. Workbench takes it from code 30 alone. TotalSegmentator writes the same XML under code 0, and
//! reads the first extension with nibabel's `get_content`, which fails for code 30 since nibabel 5.3.
//!
//! ```xml
//! <CaretExtension>
//! <VolumeInformation Index="0">
//! <LabelTable>
//! <Label Key="1" Red="0.9" Green="0.3" Blue="0.3" Alpha="1"><![CDATA[liver]]></Label>
//! </LabelTable>
//! <VolumeType><![CDATA[Label]]></VolumeType>
//! </VolumeInformation>
//! </CaretExtension>
//! ```

use super::{LabelName, LabelNames, palette};
use crate::facts::Extension;

/// The codes that it is written under: that of no registered program, as TotalSegmentator does, and Caret's.
const CODES: [i32; 2] = [0, 30];
const OPEN: &str = "<LabelTable";
const CLOSE: &str = "</LabelTable>";
/// The element around the table.
const ROOT: &str = "<CaretExtension";
/// The name of the table in AFNI's extension.
const AFNI: &str = "VALUE_LABEL_DTABLE";

/// Whether an extension has a table that is read here.
pub(super) fn is_table(extension: &Extension) -> bool {
    has(extension, ROOT) && has(extension, OPEN)
}

/// Whether an extension has AFNI's table of labels.
pub(super) fn is_of_afni(extension: &Extension) -> bool {
    has(extension, AFNI)
}

fn has(extension: &Extension, text: &str) -> bool {
    extension.content.windows(text.len()).any(|bytes| bytes == text.as_bytes())
}

/// The labels of the first table; `None` if there is no table, or if there is one for each of several frames.
pub(super) fn of(extensions: &[Extension]) -> Option<Vec<(i64, LabelName)>> {
    let content = extensions.iter().find(|extension| is_table(extension)).map(|extension| &extension.content)?;
    let text = String::from_utf8_lossy(content);
    let (_, rest) = text.split_once(OPEN)?;
    let (table, behind) = rest.split_once(CLOSE)?;
    (!behind.contains(OPEN)).then(|| labels(table))
}

fn labels(table: &str) -> Vec<(i64, LabelName)> {
    let mut found = Vec::new();
    let mut rest = table;
    while let Some((_, label)) = rest.split_once("<Label ") {
        let Some((attributes, behind)) = label.split_once('>') else { break };
        rest = behind;
        let name = match attributes.ends_with('/') {
            true => String::new(),
            false => {
                let (name, behind) = content(behind);
                rest = behind;
                name
            }
        };
        let attribute = |name: &str| {
            let (_, value) = attributes.split_once(&format!("{name}=\""))?;
            value.split_once('"').map(|(value, _)| value.trim())
        };
        let number = |name: &str| attribute(name)?.parse::<f64>().ok().filter(|v| v.is_finite());
        let color = || Some([number("Red")?, number("Green")?, number("Blue")?]);
        if let Some(label) = attribute("Key").and_then(|key| key.parse().ok()) {
            found.push((label, LabelName { name, color: color() }));
        }
    }
    found
}

/// The text of an element up to its end, and what follows.
fn content(text: &str) -> (String, &str) {
    let (mut name, mut rest) = (String::new(), text);
    loop {
        let plain = rest.find('<').unwrap_or(rest.len());
        name.push_str(&unescape(&rest[..plain]));
        rest = &rest[plain..];
        match rest.strip_prefix("<![CDATA[") {
            Some(data) => {
                let (data, behind) = data.split_once("]]>").unwrap_or((data, ""));
                name.push_str(data);
                rest = behind;
            }
            None => return (name.trim().to_owned(), rest),
        }
    }
}

fn unescape(text: &str) -> String {
    let named = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    named.iter().fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

/// The extensions with these names.
pub(super) fn extensions(names: &LabelNames) -> [Extension; 2] {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CaretExtension>\n<VolumeInformation Index=\"0\">\n<LabelTable>\n",
    );
    for (label, LabelName { name, color }) in names {
        let [red, green, blue] = color.unwrap_or_else(|| palette::color(*label)).map(palette::part);
        let colors = format!("Red=\"{red}\" Green=\"{green}\" Blue=\"{blue}\" Alpha=\"1\"");
        text.push_str(&format!("<Label Key=\"{label}\" {colors}><![CDATA[{}]]></Label>\n", data(name)));
    }
    text.push_str(
        "</LabelTable>\n<StudyMetaDataLinkSet></StudyMetaDataLinkSet>\n<VolumeType><![CDATA[Label]]></VolumeType>\n\
         </VolumeInformation>\n</CaretExtension>\n",
    );
    let mut content = text.into_bytes();
    // Blanks up to a multiple of 16, with the 8 bytes before: a parser of XML takes no zeros.
    content.resize((content.len() + 8).next_multiple_of(16) - 8, b' ');
    CODES.map(|code| Extension { code, content: content.clone() })
}

/// A name as character data: without what XML does not have, and with its end in two parts.
fn data(name: &str) -> String {
    name.replace(|c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'), " ")
        .replace("]]>", "]]]]><![CDATA[>")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(text: &str, expected: Option<&[(i64, &str)]>) {
        let extension = Extension { code: 0, content: text.as_bytes().to_vec() };
        let found = of(std::slice::from_ref(&extension));
        let found = found.map(|all| all.into_iter().map(|(label, name)| (label, name.name)).collect::<Vec<_>>());
        let expected = expected.map(|all| all.iter().map(|(label, name)| (*label, (*name).to_owned())).collect());
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn tables_of_other_programs_are_read() {
        // As TotalSegmentator writes it, under code 0.
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?> <CaretExtension>  <Date><![CDATA[2013-07-14T05:45:09]]>\
                    </Date>   <VolumeInformation Index=\"0\">   <LabelTable>\n";
        let tail = "  </LabelTable>  <StudyMetaDataLinkSet>  </StudyMetaDataLinkSet>  \
                    <VolumeType><![CDATA[Label]]></VolumeType>   </VolumeInformation></CaretExtension>\n      ";
        let label = "<Label Key=\"1\" Red=\"0.0\" Green=\"1.0\" Blue=\"0.0\" Alpha=\"1\"><![CDATA[spleen]]></Label>\n";
        t(&format!("{head}{label}{tail}"), Some(&[(1, "spleen")]));
        let odd = "<Label Key=\"-4\"> a &lt;b&gt; &amp;amp; </Label><Label Key=\"2\"/><Label Key=\"x\">y</Label>";
        t(&format!("{head}{odd}{tail}"), Some(&[(-4, "a <b> &amp;"), (2, "")]));
        t(&format!("{head}{tail}"), Some(&[]));
        t(&format!("{head}{label}{tail}{head}{label}{tail}"), None);
        t(&format!("{head}{label}"), None);
        t("a comment about <LabelTable>", None);
        t("", None);
    }

    #[test]
    fn damaged_tables_are_read_as_far_as_they_go() {
        let [whole, _] = extensions(&[(1, LabelName { name: "a]]>b".to_owned(), color: None })].into());
        for cut in 0..whole.content.len() {
            let _ = of(&[Extension { code: 30, content: whole.content[..cut].to_vec() }]);
        }
        t("<CaretExtension><LabelTable><Label Key=\"1\"><![CDATA[a</LabelTable>", Some(&[(1, "a")]));
        t("<CaretExtension><LabelTable><Label Key=\"1\"", None);
    }

    #[test]
    fn names_hold_no_bytes_that_xml_does_not_have() {
        let name = "a\u{0}b\nc\u{1b}d".to_owned();
        let [made, other] = extensions(&[(7, LabelName { name, color: Some([0.0, 2.0, 0.5]) })].into());
        let text = String::from_utf8(made.content.clone()).unwrap();
        assert!(text.contains("<Label Key=\"7\" Red=\"0.000000\" Green=\"1.000000\" Blue=\"0.500000\" Alpha=\"1\">"));
        assert!(text.contains("<![CDATA[a b c d]]>"), "{text}");
        assert_eq!((made.code, other.code, (made.content.len() + 8) % 16), (0, 30, 0));
        assert_eq!(made.content, other.content);
        assert!(!made.content.contains(&0));
    }
}
