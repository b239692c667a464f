//! Rules about tokens that show what they are: each begins with letters that only its maker uses.
//!
//! The formats are those that the makers publish for secret scanners.

use std::sync::OnceLock;

use regex::bytes::Regex;

use super::rule::{Alphabet, Rule, TOKEN};

/// The name of the rule about private keys.
pub(super) const PRIVATE_KEY: &str = "private-key";

/// The name of the rule about keys that stand in the JSON of a service account.
pub(super) const SERVICE_ACCOUNT: &str = "gcp-service-account";

/// Every rule about tokens. Whoever changes one counts `super::RULES_VERSION` up.
pub(super) static RULES: &[Rule] = &[
    Rule {
        name: "aws-access-key",
        about: "AWS access key id",
        starts: &["AKIA", "ASIA", "ABIA", "ACCA"],
        pattern: "(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}",
        alphabet: Alphabet::Base64,
        ..TOKEN
    },
    Rule {
        name: "aws-bedrock-key",
        about: "Amazon Bedrock API key",
        starts: &["ABSK", "bedrock-api-key-"],
        pattern: "(?:ABSK[A-Za-z0-9+/]{109,269}={0,2}|bedrock-api-key-[A-Za-z0-9+/=]{20,})",
        alphabet: Alphabet::Base64,
        ..TOKEN
    },
    Rule {
        name: "gcp-api-key",
        about: "Google API key",
        starts: &["AIza"],
        pattern: r"AIza[\w-]{35}",
        alphabet: Alphabet::Base64,
        ..TOKEN
    },
    Rule {
        name: "gcp-oauth-secret",
        about: "Google OAuth client secret",
        starts: &["GOCSPX-"],
        pattern: r"GOCSPX-[\w-]{28}",
        ..TOKEN
    },
    Rule {
        name: "gcp-access-token",
        about: "Google access token",
        starts: &["ya29."],
        pattern: r"ya29\.[\w-]{30,}",
        entropy: 3.5,
        ..TOKEN
    },
    Rule {
        name: "azure-storage-key",
        about: "key of an Azure storage account",
        starts: &["AccountKey=", "SharedAccessKey="],
        pattern: "(?:AccountKey=([A-Za-z0-9+/]{86}==)|SharedAccessKey=([A-Za-z0-9+/]{43}=))",
        alphabet: Alphabet::Base64,
        ..TOKEN
    },
    Rule {
        name: "azure-client-secret",
        about: "client secret of Azure Entra ID",
        starts: &["0Q~", "1Q~", "2Q~", "3Q~", "4Q~", "5Q~", "6Q~", "7Q~", "8Q~", "9Q~"],
        back: 3,
        pattern: r"[\w~.]{3}\dQ~[\w~.-]{31,34}",
        ..TOKEN
    },
    Rule {
        name: "azure-sas",
        about: "Azure shared access signature",
        starts: &["sig="],
        pattern: "sig=([A-Za-z0-9%]{43,63}%3[Dd])",
        entropy: 3.5,
        ..TOKEN
    },
    Rule {
        name: "github-token",
        about: "GitHub token",
        starts: &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        pattern: r"(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\w{82})",
        ..TOKEN
    },
    Rule {
        name: "gitlab-token",
        about: "GitLab token",
        starts: &[
            "glpat-",
            "gldt-",
            "glrt-",
            "glcbt-",
            "glptt-",
            "glft-",
            "glimt-",
            "glagent-",
            "glsoat-",
            "glffct-",
            "GR1348941",
        ],
        pattern: r"(?:gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct)-(?:[\w-]{20,300})(?:\.[\w-]{2,32}){0,2}|GR1348941[\w-]{20})",
        ..TOKEN
    },
    Rule {
        name: "bitbucket-token",
        about: "Atlassian or Bitbucket token",
        starts: &["ATATT3", "ATBB", "ATCTT3"],
        pattern: r"(?:AT[AC]TT3[\w=-]{60,400}|ATBB[A-Za-z0-9]{28,40})",
        alphabet: Alphabet::Base64,
        ..TOKEN
    },
    Rule {
        name: "slack-token",
        about: "Slack token",
        starts: &["xoxb-", "xoxa-", "xoxp-", "xoxr-", "xoxs-", "xoxo-", "xoxe", "xapp-"],
        pattern: r"(?:xox[abposr]-(?:\d-)?[A-Za-z0-9-]{20,250}|xoxe(?:\.xox[bp])?-\d-[A-Za-z0-9]{100,250}|xapp-\d-[A-Z0-9]+-\d+-[a-z0-9]{30,100})",
        ..TOKEN
    },
    Rule {
        name: "slack-webhook",
        about: "Slack webhook",
        starts: &["hooks.slack.com/"],
        pattern: r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9+/_-]{40,80})",
        ..TOKEN
    },
    Rule {
        name: "discord-webhook",
        about: "Discord webhook",
        starts: &["discord.com/api/webhooks/", "discordapp.com/api/webhooks/"],
        pattern: r"discord(?:app)?\.com/api/webhooks/(\d{17,20}/[\w-]{60,72})",
        ..TOKEN
    },
    Rule {
        name: "teams-webhook",
        about: "Microsoft Teams webhook",
        starts: &["webhook.office.com/webhookb2/"],
        pattern: r"webhook\.office\.com/webhookb2/([0-9a-f-]{36}@[0-9a-f-]{36}/IncomingWebhook/[0-9a-f]{32}/[0-9a-f-]{36})",
        ..TOKEN
    },
    Rule {
        name: "telegram-token",
        about: "token of a Telegram bot",
        starts: &[":AA"],
        back: 10,
        pattern: r"\d{8,10}:AA[\w-]{33}",
        ..TOKEN
    },
    Rule {
        name: "stripe-key",
        about: "Stripe key",
        starts: &["sk_live_", "rk_live_", "sk_test_", "rk_test_", "whsec_"],
        pattern: r"(?:[sr]k_(?:live|test)_[A-Za-z0-9]{16,250}|whsec_[A-Za-z0-9+/]{32,64}=?)",
        ..TOKEN
    },
    Rule {
        name: "anthropic-key",
        about: "Anthropic key",
        starts: &["sk-ant-"],
        pattern: r"sk-ant-[a-z]{2,8}\d{2}-[\w-]{40,200}",
        ..TOKEN
    },
    Rule {
        name: "openai-key",
        about: "OpenAI key",
        starts: &["sk-"],
        pattern: r"sk-(?:[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}|(?:proj|svcacct|admin|None)-[\w-]{40,250})",
        ..TOKEN
    },
    Rule {
        name: "llm-key",
        about: "key of a model provider",
        starts: &["sk-", "gsk_", "xai-", "pplx-", "nvapi-", "r8_", "tvly-", "jina_", "fw_", "csk-"],
        pattern: r"(?:sk-or-v1-[0-9a-f]{64}|sk-[0-9a-f]{32}|sk-[A-Za-z0-9]{48}|gsk_[A-Za-z0-9]{52}|xai-[A-Za-z0-9]{80}|pplx-[A-Za-z0-9]{48,56}|nvapi-[\w-]{60,70}|r8_[A-Za-z0-9]{37}|tvly-(?:dev-|prod-)?[A-Za-z0-9]{32}|jina_[A-Za-z0-9]{32}[\w-]{10,40}|fw_[A-Za-z0-9]{24}|csk-[a-z0-9]{48})",
        ..TOKEN
    },
    Rule {
        name: "huggingface-token",
        about: "Hugging Face token",
        starts: &["hf_", "api_org_"],
        pattern: "(?:hf_|api_org_)[A-Za-z]{34}",
        ..TOKEN
    },
    Rule {
        name: "langchain-key",
        about: "LangSmith key",
        starts: &["lsv2_"],
        pattern: "lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}",
        ..TOKEN
    },
    Rule {
        name: "pinecone-key",
        about: "Pinecone key",
        starts: &["pcsk_"],
        pattern: "pcsk_[A-Za-z0-9]{5,6}_[A-Za-z0-9]{60,66}",
        ..TOKEN
    },
    Rule {
        name: "kaggle-key",
        about: "Kaggle token",
        starts: &["KGAT_"],
        pattern: "KGAT_[0-9a-f]{32}",
        ..TOKEN
    },
    Rule {
        name: "wandb-key",
        about: "Weights & Biases key",
        starts: &["wandb_v1_"],
        pattern: r"wandb_v1_[\w-]{40,120}",
        ..TOKEN
    },
    Rule {
        name: "npm-token",
        about: "npm token",
        starts: &["npm_", "_authToken="],
        pattern: r"(?:npm_[A-Za-z0-9]{36}|_authToken=([\w-]{20,80}))",
        ..TOKEN
    },
    Rule {
        name: "pypi-token",
        about: "PyPI token",
        starts: &["pypi-AgEIcHlwaS5vcmc", "pypi-AgENdGVzdC5weXBpLm9yZ"],
        pattern: r"pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZ)[\w-]{50,1000}",
        ..TOKEN
    },
    Rule {
        name: "cargo-registry-token",
        about: "token of the registry of Rust packages",
        starts: &["cio"],
        pattern: "cio[A-Za-z0-9]{32}",
        ..TOKEN
    },
    Rule {
        name: "rubygems-token",
        about: "RubyGems token",
        starts: &["rubygems_"],
        pattern: "rubygems_[0-9a-f]{48}",
        ..TOKEN
    },
    Rule {
        name: "docker-token",
        about: "Docker Hub token",
        starts: &["dckr_pat_", "dckr_oat_"],
        pattern: r"dckr_[po]at_[\w-]{27,32}",
        ..TOKEN
    },
    Rule {
        name: "databricks-token",
        about: "Databricks token",
        starts: &["dapi"],
        pattern: r"dapi[0-9a-f]{32}(?:-\d)?",
        ..TOKEN
    },
    Rule {
        name: "digitalocean-token",
        about: "DigitalOcean token",
        starts: &["dop_v1_", "doo_v1_", "dor_v1_"],
        pattern: "do[por]_v1_[0-9a-f]{64}",
        ..TOKEN
    },
    Rule {
        name: "cloud-token",
        about: "token of a cloud service",
        starts: &[
            "hvs.",
            "hvb.",
            "tskey-",
            "pul-",
            "sbp_",
            "pscale_",
            "dp.pt.",
            "dp.st.",
            "HRKU-",
            "nfp_",
            "FlyV1 ",
            "glsa_",
            "NRAK-",
            "sntrys_",
            "sntryu_",
            "phx_",
            "ghsecret_",
            "dt0c01.",
            "ccipat_",
            "bkua_",
            "rnd_",
            "vercel_",
            "e2b_",
            "tfp_",
        ],
        pattern: r"(?:hv[sb]\.[\w-]{24,300}|tskey-[a-z]+-[A-Za-z0-9]+-[A-Za-z0-9]{20,}|pul-[0-9a-f]{40}|sbp_[0-9a-f]{40}|pscale_(?:tkn|pw|oauth)_[\w.-]{32,64}|dp\.(?:pt|st)\.[A-Za-z0-9._-]{40,60}|HRKU-[\w-]{36,80}|nfp_[A-Za-z0-9]{36,40}|FlyV1 fm\d_[A-Za-z0-9+/=,_]{100,}|glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|NRAK-[A-Z0-9]{27}|sntrys_[A-Za-z0-9+/=_-]{60,}|sntryu_[0-9a-f]{64}|phx_[A-Za-z0-9]{40,60}|dt0c01\.[A-Z0-9]{24}\.[A-Z0-9]{64}|ccipat_[A-Za-z0-9]{22}_[0-9a-f]{40}|bkua_[0-9a-f]{40}|rnd_[A-Za-z0-9]{28,40}|vercel_[A-Za-z0-9_]{24,60}|e2b_[0-9a-f]{40}|tfp_[A-Za-z0-9]{40,60})",
        ..TOKEN
    },
    Rule {
        name: "terraform-token",
        about: "HCP Terraform token",
        starts: &[".atlasv1."],
        back: 14,
        pattern: r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,70}",
        ..TOKEN
    },
    Rule {
        name: "mail-key",
        about: "key of a mail service",
        starts: &["SG.", "xkeysib-", "key-", "re_"],
        pattern: r"(?:SG\.[\w-]{22}\.[\w-]{43}|xkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}|key-[0-9a-f]{32}|re_[A-Za-z0-9]{8}_[A-Za-z0-9]{24})",
        ..TOKEN
    },
    Rule {
        name: "saas-token",
        about: "token of a web service",
        starts: &[
            "lin_api_",
            "ntn_",
            "shpat_",
            "shpss_",
            "shpca_",
            "shppa_",
            "PMAK-",
            "figd_",
            "sl.u.",
            "EAACEdEose0cBA",
            "sq0csp-",
            "sq0atp-",
            "EAAAl",
            "dG9rOm",
            "AGE-SECRET-KEY-1",
            "pat-na1-",
            "pat-eu1-",
        ],
        pattern: r"(?:lin_api_[A-Za-z0-9]{40}|ntn_[A-Za-z0-9]{43,46}|shp(?:at|ss|ca|pa)_[0-9a-fA-F]{32}|PMAK-[0-9a-f]{24}-[0-9a-f]{34}|figd_[\w-]{38,44}|sl\.u\.[\w-]{100,}|EAACEdEose0cBA[A-Za-z0-9]{40,}|sq0csp-[\w-]{43}|sq0atp-[\w-]{22}|EAAAl[\w-]{59}|dG9rOm[A-Za-z0-9+/]{54}=|AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}|pat-(?:na|eu)1-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})",
        alphabet: Alphabet::Base64,
        ..TOKEN
    },
    Rule {
        name: "jwt",
        about: "JSON web token",
        starts: &["eyJ"],
        pattern: r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{16,}",
        entropy: 3.5,
        ..TOKEN
    },
    Rule {
        name: "authorization-header",
        about: "authorization of a request",
        starts: &["authorization"],
        pattern: r#"(?i:authorization)["'\\\]]{0,4}\s{0,4}[:=]\s{0,4}["'\\]{0,3}(?i:bearer|basic|token|bot|apikey)\s{1,4}([\w.~+/-]{16,1000}={0,2})"#,
        entropy: 3.3,
        in_binary: false,
        ..TOKEN
    },
    Rule {
        name: PRIVATE_KEY,
        about: "private key",
        starts: &["-----BEGIN"],
        // The lines end as text, as JSON or as JSON in JSON writes it.
        pattern: r"-----BEGIN[ A-Z0-9]{0,30}PRIVATE KEY(?: BLOCK)?-----((?:[\s,]|\\+[nrt]|[A-Za-z0-9+/=]|[A-Z][A-Za-z-]+: [^\n\\]{0,100}(?:\\+n|\n)){60,})",
        entropy: 3.5,
        ..TOKEN
    },
    Rule {
        name: "putty-key",
        about: "private key of PuTTY",
        starts: &["Private-Lines: "],
        pattern: r"Private-Lines: \d{1,3}((?:[\s,]|\\+[nrt]|[A-Za-z0-9+/=]){60,})",
        entropy: 3.5,
        ..TOKEN
    },
];

/// Returns the better name of a private key that stands behind `before`, where that is the JSON of
/// a service account.
pub(super) fn service_account(rule: &Rule, before: &[u8]) -> Option<(&'static str, &'static str)> {
    let has = |text: &str| memchr::memmem::find(before, text.as_bytes()).is_some();
    (rule.name == PRIVATE_KEY && has("private_key_id"))
        .then_some((SERVICE_ACCOUNT, "key of a Google service account"))
}

/// Returns the pattern of the rule of that number; few are ever needed.
pub(super) fn pattern(number: usize) -> &'static Regex {
    static PATTERNS: OnceLock<Vec<OnceLock<Regex>>> = OnceLock::new();
    let all = PATTERNS.get_or_init(|| RULES.iter().map(|_| OnceLock::new()).collect());
    all[number].get_or_init(|| RULES[number].compile())
}
