use super::filled;
use crate::support::transcript;

#[test]
fn has_answers_by_exit_code() {
    let env = filled();
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["has", "reports/sales.ipynb:load:9f86d081"],
            &["has", "reports/sales.ipynb:load:9f86"],
            &["has", "nb.ipynb:all", "none:c:m", "other:c:m"],
            &["has", "--json", "nb.ipynb:all", "none:c:m"],
            &["has", "*"],
            &["has"],
        ],
    ));
}
