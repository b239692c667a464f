//! What is found and what is not. No secret stands here whole: they are made of pieces, so that
//! those who search this source find none.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::window::Search;
use super::{Finding, find_secrets, secret_rules};

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const WORD: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const BASE64: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/";
const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const CAPITALS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const AGE: &str = "ACDEFGHJKLMNPQRSTUVWXYZ023456789";
const DIGITS: &str = "1234567890";
const HEX: &str = "0123456789abcdef";

/// Returns `length` letters of `alphabet`, the same for the same seed.
fn letters(alphabet: &str, length: usize, seed: u64) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..length).map(|_| char::from(alphabet.as_bytes()[random.usize(..alphabet.len())])).collect()
}

/// Makes a sample of texts and of random letters, written `ALPHABET * length`.
macro_rules! sample {
    ($($text:literal)? $(, $alphabet:ident * $length:literal $(, $next:literal)?)*) => {{
        let mut sample = String::new();
        $( sample.push_str($text); )?
        $(
            sample.push_str(&letters($alphabet, $length, $length + 7));
            $( sample.push_str($next); )?
        )*
        sample
    }};
}

/// A rule, and what it must find in a text by itself.
#[expect(clippy::too_many_lines, reason = "one line or two for each rule")]
fn samples() -> Vec<(&'static str, String)> {
    vec![
        ("aws-access-key", sample!("AKIA", BASE32 * 16)),
        ("aws-access-key", sample!("ASIA", BASE32 * 16)),
        ("aws-bedrock-key", sample!("ABSK", WORD * 128)),
        ("gcp-api-key", sample!("AIza", WORD * 35)),
        ("gcp-oauth-secret", sample!("GOCSPX-", WORD * 28)),
        ("gcp-access-token", sample!("ya29.", WORD * 120)),
        ("azure-storage-key", sample!("AccountKey=", BASE64 * 86, "==")),
        ("azure-storage-key", sample!("SharedAccessKey=", BASE64 * 43, "=")),
        ("azure-client-secret", sample!("xY~8Q~", WORD * 34)),
        ("azure-sas", sample!("se=2026-01-01&sig=", WORD * 43, "%3D")),
        ("github-token", sample!("ghp_", WORD * 36)),
        ("github-token", sample!("ghs_", WORD * 36)),
        ("github-token", sample!("github_pat_", WORD * 22, "_", WORD * 59)),
        ("gitlab-token", sample!("glpat-", WORD * 20)),
        ("gitlab-token", sample!("glrt-", WORD * 20)),
        ("gitlab-token", sample!("GR1348941", WORD * 20)),
        ("bitbucket-token", sample!("ATATT3", WORD * 180)),
        ("bitbucket-token", sample!("ATBB", WORD * 32)),
        ("slack-token", sample!("xoxb-", DIGITS * 11, "-", DIGITS * 12, "-", WORD * 24)),
        ("slack-token", sample!("xapp-1-", CAPITALS * 11, "-", DIGITS * 13, "-", HEX * 64)),
        ("slack-token", sample!("xoxe.xoxp-1-", WORD * 160)),
        (
            "slack-webhook",
            sample!(
                "https://hooks.slack.com/services/T",
                CAPITALS * 9,
                "/B",
                CAPITALS * 10,
                "/",
                WORD * 24
            ),
        ),
        (
            "discord-webhook",
            sample!("https://discord.com/api/webhooks/", DIGITS * 18, "/", WORD * 68),
        ),
        (
            "teams-webhook",
            sample!(
                "https://x.webhook.office.com/webhookb2/",
                HEX * 8,
                "-",
                HEX * 4,
                "-",
                HEX * 4,
                "-",
                HEX * 4,
                "-",
                HEX * 12,
                "@",
                HEX * 8,
                "-",
                HEX * 4,
                "-",
                HEX * 4,
                "-",
                HEX * 4,
                "-",
                HEX * 12,
                "/IncomingWebhook/",
                HEX * 32,
                "/",
                HEX * 8,
                "-",
                HEX * 4,
                "-",
                HEX * 4,
                "-",
                HEX * 4,
                "-",
                HEX * 12
            ),
        ),
        ("telegram-token", sample!("9", DIGITS * 9, ":AA", WORD * 33)),
        ("stripe-key", sample!("sk_live_", WORD * 24)),
        ("stripe-key", sample!("rk_test_", WORD * 99)),
        ("stripe-key", sample!("whsec_", WORD * 32)),
        ("anthropic-key", sample!("sk-ant-api03-", WORD * 93, "AA")),
        ("openai-key", sample!("sk-", WORD * 20, "T3BlbkFJ", WORD * 20)),
        ("openai-key", sample!("sk-proj-", WORD * 74, "T3BlbkFJ", WORD * 73)),
        ("llm-key", sample!("sk-or-v1-", HEX * 64)),
        ("llm-key", sample!("sk-", HEX * 32)),
        ("llm-key", sample!("gsk_", WORD * 52)),
        ("llm-key", sample!("xai-", WORD * 80)),
        ("llm-key", sample!("pplx-", WORD * 48)),
        ("llm-key", sample!("nvapi-", WORD * 64)),
        ("llm-key", sample!("r8_", WORD * 37)),
        ("llm-key", sample!("tvly-dev-", WORD * 32)),
        ("huggingface-token", sample!("hf_", LETTERS * 34)),
        ("huggingface-token", sample!("api_org_", LETTERS * 34)),
        ("langchain-key", sample!("lsv2_pt_", HEX * 32, "_", HEX * 10)),
        ("pinecone-key", sample!("pcsk_", WORD * 5, "_", WORD * 63)),
        ("kaggle-key", sample!("KGAT_", HEX * 32)),
        ("wandb-key", sample!("wandb_v1_", WORD * 77)),
        ("npm-token", sample!("npm_", WORD * 36)),
        ("npm-token", sample!("//registry.example.org/:_authToken=", WORD * 36)),
        ("pypi-token", sample!("pypi-AgEIcHlwaS5vcmc", WORD * 150)),
        ("pypi-token", sample!("pypi-AgENdGVzdC5weXBpLm9yZ", WORD * 150)),
        ("cargo-registry-token", sample!("cio", WORD * 32)),
        ("rubygems-token", sample!("rubygems_", HEX * 48)),
        ("docker-token", sample!("dckr_pat_", WORD * 27)),
        ("databricks-token", sample!("dapi", HEX * 32)),
        ("digitalocean-token", sample!("dop_v1_", HEX * 64)),
        ("cloud-token", sample!("hvs.", WORD * 90)),
        ("cloud-token", sample!("tskey-auth-", WORD * 17, "-", WORD * 32)),
        ("cloud-token", sample!("glsa_", WORD * 32, "_", HEX * 8)),
        ("cloud-token", sample!("sntryu_", HEX * 64)),
        ("cloud-token", sample!("pul-", HEX * 40)),
        ("terraform-token", sample!("", WORD * 14, ".atlasv1.", WORD * 67)),
        ("mail-key", sample!("SG.", WORD * 22, ".", WORD * 43)),
        ("mail-key", sample!("xkeysib-", HEX * 64, "-", WORD * 16)),
        ("mail-key", sample!("key-", HEX * 32)),
        ("saas-token", sample!("lin_api_", WORD * 40)),
        ("saas-token", sample!("shpat_", HEX * 32)),
        ("saas-token", sample!("AGE-SECRET-KEY-1", AGE * 58)),
        ("saas-token", sample!("PMAK-", HEX * 24, "-", HEX * 34)),
        ("jwt", sample!("eyJ", WORD * 33, ".eyJ", WORD * 70, ".", WORD * 43)),
        ("authorization-header", sample!("Authorization: Bearer ", WORD * 40)),
        ("authorization-header", sample!("'authorization': 'Basic ", BASE64 * 27, "='")),
        ("private-key", private_key("\n")),
        ("gcp-service-account", service_account()),
        ("putty-key", sample!("Private-Lines: 14\n", BASE64 * 64, "\n", BASE64 * 64, "\n")),
        ("aws-secret-key", sample!("aws_secret_access_key = ", BASE64 * 40)),
        ("aws-secret-key", sample!("\"SecretAccessKey\": \"", BASE64 * 40, "\"")),
        ("assigned-password", sample!("password = \"", WORD * 12, "\"")),
        ("assigned-password", sample!("db_passwd: '", WORD * 10, "$'")),
        ("assigned-key", sample!("api_key = \"", HEX * 32, "\"")),
        ("assigned-key", sample!("SOME_API_KEY=", WORD * 32)),
        ("assigned-key", sample!("os.environ['MY_TOKEN'] = '", WORD * 24, "'")),
        ("assigned-key", sample!("http://localhost:8888/lab?token=", HEX * 48)),
        ("assigned-key", sample!("client_secret: str = \"", WORD * 24, "\"")),
        (
            "database-url",
            sample!("postgresql+psycopg2://app:", WORD * 12, "@db.internal:5432/sales"),
        ),
        ("database-url", sample!("mongodb+srv://app:", WORD * 12, "@cluster0.mongodb.net")),
        ("database-url", sample!("redis://:", WORD * 12, "@cache:6379/0")),
        ("url-password", sample!("https://me:", WORD * 20, "@git.internal/x.git")),
    ]
}

fn private_key(line_end: &str) -> String {
    let mut key = ["-----BEGIN RSA PRI", "VATE KEY-----"].concat() + line_end;
    for seed in 0..8 {
        write!(key, "{}{line_end}", letters(BASE64, 64, seed)).unwrap();
    }
    key + &["-----END RSA PRI", "VATE KEY-----"].concat() + line_end
}

fn service_account() -> String {
    let id = letters(HEX, 40, 3);
    let key = private_key("\\n");
    format!(
        "{{\n  \"type\": \"service_account\",\n  \"private_key_id\": \"{id}\",\n  \
         \"private_key\": \"{key}\"\n}}"
    )
}

fn text(text: &str) -> Vec<Finding> {
    find_secrets(text.as_bytes(), "text/plain")
}

fn rules_of(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.rule).collect()
}

#[test]
fn every_rule_finds_what_it_is_about_and_nothing_else_does() {
    for (rule, sample) in samples() {
        assert_eq!(rules_of(&text(&sample)), [rule], "{sample}");
    }
    for (rule, _) in secret_rules() {
        assert!(samples().iter().any(|(tried, _)| *tried == rule), "{rule} has no sample");
    }
}

#[test]
fn a_secret_is_found_wherever_outputs_put_it() {
    let token = sample!("ghp_", WORD * 36);
    let digest = text(&token)[0].digest.clone();
    for (around, why) in [
        ("{}", "alone"),
        ("Token: {}.", "prose"),
        ("['{}', 1]", "a printed list"),
        (r#"{"text": "first\n{}\nlast"}"#, "after a line end in JSON"),
        (r#"{"text": "\u001b[32m{}\u001b[0m"}"#, "in colour, in JSON"),
        ("\x1b[1;32m{}\x1b[0m", "in colour"),
        ("<td>{}</td>", "a cell of a table"),
        ("&quot;{}&quot;", "between entities"),
        ("q=%22{}%22", "percent-encoded"),
        ("https://x:{}@github.com/a/b.git", "a password in an address"),
        ("export GH_TOKEN={}", "what is called a token is told by its own name"),
        ("名前{}。", "beside letters that are not ASCII"),
    ] {
        let found = text(&around.replace("{}", &token));
        assert_eq!(rules_of(&found), ["github-token"], "{why}: {around}");
        assert_eq!(found[0].digest, digest, "{why}");
    }
    for around in ["x{}", "_{}"] {
        assert_eq!(rules_of(&text(&around.replace("{}", &token)))[..], [""; 0], "{around}");
    }
}

#[test]
fn assignments_are_understood_in_the_languages_of_outputs() {
    let value = letters(WORD, 28, 5);
    for (line, why) in [
        ("api_key = '{}'", "code"),
        ("\"apiKey\": \"{}\",", "JSON"),
        (r#"\"api_key\": \"{}\""#, "JSON in JSON"),
        (r#"\\\"api_key\\\": \\\"{}\\\""#, "JSON in JSON in JSON"),
        ("api-key: {}", "YAML"),
        ("X-Api-Key: {}", "a header"),
        ("SERVICE_API_KEY={}", "an environment"),
        ("'API_KEY': '{}'", "a printed dictionary"),
        ("<th>api_key</th><td>{}</td>", "a table"),
        (
            "<span class=\"n\">api_key</span> <span class=\"o\">=</span> <span class=\"s2\">&quot;{}&quot;</span>",
            "coloured code",
        ),
        ("url?api_key={}&x=1", "an address"),
    ] {
        let found = text(&line.replace("{}", &value));
        assert_eq!(rules_of(&found), ["assigned-key"], "{why}: {line}");
        let at = usize::try_from(found[0].offset).unwrap();
        assert!(line.replace("{}", &value)[at..].starts_with(&value), "{why}");
    }
}

#[test]
fn examples_names_and_numbers_are_no_secrets() {
    let hex = |length| letters(HEX, length, 1);
    let lines = [
        concat!("AKIA", "IOSFODNN7EXAMPLE").to_owned(),
        format!("ghp_{}", "x".repeat(36)),
        "api_key = \"your-api-key-goes-here-0001\"".into(),
        "api_key = os.environ['OPENAI_API_KEY']".into(),
        "token = tokenizer.encode('some words', 1234)".into(),
        "password = getpass.getpass('Password: ')".into(),
        "password: str = Field(min_length=8)".into(),
        "secret = \"${SECRET_OF_THE_DAY_1}\"".into(),
        "tokens = 123456789012345678901234".into(),
        "\"eos_token\": \"<|endoftext|>\", \"pad_token_id\": 50256".into(),
        "next_page_token = CAESBgoCGAUiAhgB1234567890".into(),
        "postgres://user:password@localhost:5432/db".into(),
        "postgresql://postgres:postgres@localhost/db".into(),
        "http://host:8080/a@b and https://example.org/project/x/1.0/".into(),
        "redis://localhost:6379/0".into(),
        format!("sha256:{}", hex(64)),
        format!("commit {}", hex(40)),
        format!("etag: \"{}\"", hex(32)),
        format!("key: {}", hex(32)),
        "id=6f1c9f0e-6b0a-4d5e-9a51-0a7a5c8e6f2b".into(),
        "disk-0123456789abcdef task-0123456789abcdef0123456789abcdef".into(),
        "secret santa: token of love; password reset requested at 10:15".into(),
        "model = 'sentence-transformers/all-MiniLM-L6-v2', token_type='bearer'".into(),
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n".into(),
        concat!("-----BEGIN PRI", "VATE KEY-----\n...\n-----END PRI", "VATE KEY-----").into(),
        "Authorization: Bearer <token>".into(),
        "Authorization: Bearer {access_token_of_session_1}".into(),
        concat!(
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.",
            "eyJzdWIiOiIxMjM0NTY3ODkwIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
        )
        .into(),
    ];
    for line in &lines {
        assert_eq!(text(line), [], "{line}");
    }
}

#[test]
fn long_encoded_bytes_are_no_secrets() {
    for (alphabet, name) in [(BASE64, "base64"), (HEX, "hex"), (WORD, "letters and digits")] {
        for seed in 0..4 {
            let bytes = letters(alphabet, 1 << 21, seed);
            assert_eq!(text(&bytes), [], "{name} on one line");
            let lines: Vec<&str> = bytes
                .as_bytes()
                .chunks(76)
                .map(|line| std::str::from_utf8(line).unwrap())
                .collect();
            assert_eq!(text(&lines.join("\n")), [], "{name} in lines");
        }
    }
    let mut random = fastrand::Rng::with_seed(9);
    let bytes: Vec<u8> = (0..1 << 22).map(|_| random.u8(..)).collect();
    assert_eq!(find_secrets(&bytes, "application/octet-stream"), [], "noise");
}

#[test]
fn the_notebooks_of_the_tests_have_no_secrets() {
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut searched = 0;
    for folder in ["notebooks", "notebooks/second-run", "notebooks/broken"] {
        for entry in crate::disk::list(&fixtures.join(folder)).unwrap() {
            if !entry.is_folder {
                let bytes = crate::disk::read(&entry.path).unwrap();
                assert_eq!(find_secrets(&bytes, "application/json"), [], "{}", entry.name);
                searched += 1;
            }
        }
    }
    assert!(searched > 10);
}

#[test]
fn texts_in_binary_files_are_searched_for_tokens_alone() {
    let token = sample!("ghp_", WORD * 36);
    let mut table = b"PAR1\x15\x04\0\0".to_vec();
    table.extend(b"(\0\0\0");
    table.extend(token.as_bytes());
    table.extend(b"\x05\0\0\0hello\0\0");
    let found = find_secrets(&table, "application/vnd.apache.parquet");
    assert_eq!(rules_of(&found), ["github-token"]);
    // Arrow writes texts one straight after the other.
    let mut arrow = b"ARROW1\0\0\x10\0\0\0name".to_vec();
    arrow.extend(token.as_bytes());
    arrow.extend(b"\0\0\0");
    assert_eq!(rules_of(&find_secrets(&arrow, "application/octet-stream")), ["github-token"]);
    let value = letters(WORD, 28, 5);
    let assigned = [b"\x80\x05\x95\0\0api_key = '", value.as_bytes(), b"'\0"].concat();
    assert_eq!(find_secrets(&assigned, "application/octet-stream"), []);
    let picture = [b"\x89PNG\r\n\x1a\n\0\0", token.as_bytes(), b"\0"].concat();
    assert_eq!(find_secrets(&picture, "image/png"), [], "pictures are not searched");
    assert_eq!(rules_of(&find_secrets(token.as_bytes(), "image/png")), ["github-token"]);
}

#[test]
fn a_finding_says_where_but_never_what() {
    let token = sample!("ghp_", WORD * 36);
    let found = text(&format!("one\ntwo\nGH_TOKEN={token} three\n"));
    let [finding] = &found[..] else { panic!("{found:?}") };
    assert_eq!((finding.line, finding.offset), (3, 17));
    assert_eq!(finding.preview, "GH_TOKEN=ghp_… (40 characters)");
    assert_eq!(finding.digest, &blake3_of(&token)[..16]);
    assert!(super::is_finding_digest(&finding.digest));
    let two = text(&format!("a {token} {} b", sample!("glpat-", WORD * 20)));
    assert_eq!(two.len(), 2);
    for (_, sample) in samples() {
        for finding in text(&sample) {
            let shown = finding.preview.split('…').next().unwrap();
            let tail = &sample[sample.len() / 2..sample.len() / 2 + 8];
            assert!(!shown.contains(tail), "{shown}");
        }
    }
    let escape = format!("\x1b]0;x\x07password = '{}'", letters(WORD, 20, 2));
    assert!(!text(&escape)[0].preview.contains('\x1b'));
}

fn blake3_of(text: &str) -> String {
    crate::digest::Digest::of(text.as_bytes()).to_string()
}

#[test]
fn a_key_in_lines_has_one_digest_however_they_end() {
    let plain = text(&private_key("\n"))[0].digest.clone();
    for line_end in ["\r\n", "\\n", "\\r\\n", "\n    "] {
        assert_eq!(text(&private_key(line_end))[0].digest, plain, "{line_end:?}");
    }
}

#[test]
fn what_is_allowed_passes_by_rule_or_digest() {
    let finding = &text(&sample!("ghp_", WORD * 36))[0];
    let allow = |text: &str| finding.is_allowed(&[text.to_owned()]);
    assert!(allow("github-token") && allow(&finding.digest));
    assert!(allow(&finding.digest.to_ascii_uppercase()));
    assert!(!allow("gitlab-token") && !allow("0123456789abcdef") && !allow(""));
}

#[test]
fn a_list_of_secrets_ends_somewhere() {
    let lines: Vec<String> =
        (0..1000).map(|seed| "ghp_".to_owned() + &letters(WORD, 36, seed)).collect();
    assert_eq!(text(&lines.join("\n")).len(), 100);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Windows are of a megabyte: secrets lie across their ends, and pieces come in any size.
    #[test]
    fn pieces_give_what_the_whole_gives(
        seed in any::<u64>(),
        pieces in prop::collection::vec(4_000_usize..900_000, 1..8),
        shifts in prop::collection::vec(0_usize..40_000, 6),
    ) {
        let mut random = fastrand::Rng::with_seed(seed);
        let all = samples();
        let mut bytes = Vec::new();
        for shift in shifts {
            let filler = "a line of words, numbers 1234 and signs = : \" token \n";
            let length = (1 << 20) + shift - 20_000_usize.min(bytes.len());
            bytes.extend(filler.bytes().cycle().take(length));
            bytes.push(b'\n');
            bytes.extend(all[random.usize(..all.len())].1.as_bytes());
            bytes.push(b'\n');
        }
        let whole = find_secrets(&bytes, "text/plain");
        prop_assert!(whole.len() >= 6);
        let mut search = Search::new("text/plain");
        let mut rest = &bytes[..];
        for size in pieces.iter().cycle() {
            let (piece, later) = rest.split_at((*size).min(rest.len()));
            search.feed(piece);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(search.finish(), whole);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), at in 0_usize..80) {
        let mut all = bytes.clone();
        let samples = samples();
        let sample = &samples[at % samples.len()].1;
        all.extend(&sample.as_bytes()[..sample.len().min(at)]);
        all.extend(&bytes);
        drop(find_secrets(&all, "text/plain"));
        drop(find_secrets(&all, "application/octet-stream"));
    }
}
