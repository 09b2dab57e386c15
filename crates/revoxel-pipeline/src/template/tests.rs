//! Templates: what is refused, the paths of cases, and names against components.

use super::*;

fn t(text: &str) -> Template {
    Template::new(text).unwrap()
}

fn case(fields: &[(&str, &str)]) -> CaseName {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    CaseName { fields, ..CaseName::alone("x1") }
}

#[test]
fn templates_are_checked() {
    for good in ["a/{case}.nii.gz", "{case}/{case}_seg.nii", "one.nii", "sub-{sub}/[ses-{ses}/]a_*.nii", "a[1].nii"] {
        assert!(Template::new(good).is_ok(), "{good}");
    }
    for bad in ["", "/abs/{case}", "../{case}", "a/{case", "a/../b", "a}.nii", "{a b}.nii", "{}.nii", "{1}", "[a[{b}]]"]
    {
        assert!(Template::new(bad).is_err(), "{bad}");
    }
    for bad in ["{a}{b}.nii", "{a}*.nii", "[{a}_][{b}_][{c}_][{d}_][{e}_][{f}_][{g}_]x", "{a}_{b}_{c}_{d}_{e}_{f}_{g}"]
    {
        assert!(t(bad).check_for_finding().is_err(), "{bad}");
    }
    // A slash in brackets is between them.
    assert!(t("sub-{sub}[/ses-{ses}]/{sub}.nii").check_for_finding().is_ok());
}

#[test]
fn paths_have_the_values_of_the_case() {
    assert_eq!(t("{case}/{case}.nii").path(&case(&[])), "x1/x1.nii");
    let copy = CaseName { copy: Some(12), ..case(&[]) };
    assert_eq!(t("{case}/{copy}_{case}.nii").path(&copy), "x1/12_x1.nii");
    assert_eq!([copy.to_string(), case(&[]).to_string()], ["x1/12", "x1"]);
    let bids = t("sub-{sub}/[ses-{ses}/]anat/sub-{sub}[_ses-{ses}]_T1w.nii.gz");
    assert_eq!(bids.path(&case(&[("sub", "01"), ("ses", "2")])), "sub-01/ses-2/anat/sub-01_ses-2_T1w.nii.gz");
    assert_eq!(bids.path(&case(&[("sub", "01")])), "sub-01/anat/sub-01_T1w.nii.gz");
    assert_eq!(bids.path(&case(&[])), "sub-{sub}/anat/sub-{sub}_T1w.nii.gz");
    assert_eq!(t("scan[1]/{case}[a].nii").path(&case(&[])), "scan[1]/x1[a].nii");
    assert_eq!(bids.names_in_order(), ["sub", "ses"]);
    assert_eq!(bids.required().into_iter().collect::<Vec<_>>(), ["sub"]);
}

#[test]
fn names_give_values() {
    let found = |text: &str, name: &str, known: &[(&str, &str)]| {
        let known = known.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let template = t(text);
        let components = template.variants();
        let found = Template::match_component(&components[0][0], name, &known)?;
        Some(found.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(found("{case}_0000.nii.gz", "la_003_0000.nii.gz", &[]).unwrap(), "case=la_003");
    assert_eq!(found("{case}_0000.nii.gz", "_0000.nii.gz", &[]), None);
    assert_eq!(found("images", "images", &[]).unwrap(), "");
    assert_eq!(found("images", "labels", &[]), None);
    assert_eq!(found("{case}-{case}.nii", "ab-ab.nii", &[]).unwrap(), "case=ab");
    assert_eq!(found("{case}-{case}.nii", "ab-cd.nii", &[]), None);
    assert_eq!(found("{a}_{b}.nii", "x_y_z.nii", &[]).unwrap(), "a=x_y b=z");
    assert_eq!(found("{a}_{b}.nii", "x_y_z.nii", &[("a", "x")]).unwrap(), "b=y_z");
    assert_eq!(found("*_{b}.nii", "x_y_z.nii", &[]).unwrap(), "b=y_z");
    assert_eq!(found("s-{a}[_t-{b}].nii", "s-1_t-2.nii", &[]).unwrap(), "a=1 b=2");
    assert_eq!(found("{a}.nii", "ä.nii", &[]).unwrap(), "a=ä");
}

#[test]
fn brackets_are_there_together() {
    let shown = |text: &str| -> Vec<String> {
        let component = |pieces: &Vec<Piece>| {
            let piece = |piece: &Piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Name(name) => format!("<{name}>"),
                Piece::Any => "*".to_owned(),
            };
            pieces.iter().map(piece).collect::<String>()
        };
        t(text).variants().iter().map(|v| v.iter().map(component).collect::<Vec<_>>().join("/")).collect()
    };
    assert_eq!(
        shown("sub-{sub}/[ses-{ses}/]anat/sub-{sub}[_ses-{ses}]_T1w.nii"),
        ["sub-<sub>/ses-<ses>/anat/sub-<sub>_ses-<ses>_T1w.nii", "sub-<sub>/anat/sub-<sub>_T1w.nii"]
    );
    assert_eq!(shown("{a}[_{b}][_{c}].nii"), ["<a>_<b>_<c>.nii", "<a>_<c>.nii", "<a>_<b>.nii", "<a>.nii"]);
    assert_eq!(shown("./a//{b}*.nii"), ["a/<b>*.nii"]);
}
