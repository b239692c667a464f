use crate::support::{TestEnv, transcript};

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    let env = TestEnv::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = env.recell(&["completions", shell]).ok();
        assert!(script.contains("show-origin"), "{shell}");
    }
    insta::assert_snapshot!(transcript(&env, &[&["completions", "dos"]]));
}
