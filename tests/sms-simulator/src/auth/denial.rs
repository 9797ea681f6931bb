//! Why a caller is turned away, in the gateway's words as far as those are known.

/// A refusal of the gateway; each is a 401.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denial {
    #[error("Incorrect IAM authentication information: x-auth-token not found")]
    NoCredentials,
    #[error("Incorrect IAM authentication information: Authorization format is invalid")]
    MalformedAuthorization,
    #[error(
        "Incorrect IAM authentication information: header X-Sdk-Date not found or not of the form YYYYMMDDTHHMMSSZ"
    )]
    NoDate,
    #[error("Incorrect IAM authentication information: header {0} must be signed")]
    HeaderNotSigned(&'static str),
    #[error("Incorrect IAM authentication information: signed header {0} not found")]
    SignedHeaderMissing(String),
    #[error(
        "Incorrect IAM authentication information: calc aksk signature fail:signature expired, signature time:{signed_at},server time:{now}"
    )]
    Expired { signed_at: String, now: String },
    #[error("Incorrect IAM authentication information: ak {0} not exist")]
    UnknownAccessKey(String),
    #[error("Incorrect IAM authentication information: AK access failed to reach the limit,forbidden")]
    Locked,
    /// The real gateway shows the caller what it computed over, secrets in signed headers included; clients must be able to bear that.
    #[error("Incorrect IAM authentication information: verify aksk signature fail, canonicalRequest:{}", canonical.replace('\n', "|"))]
    SignatureMismatch { canonical: String },
    #[error("Incorrect IAM authentication information: verify security token fail")]
    WrongSecurityToken,
    #[error("Incorrect IAM authentication information: decrypt token fail")]
    UnknownToken,
    /// What the vendor's page quotes for a token that has expired or become void.
    #[error("The token must be updated")]
    InvalidToken,
    /// The code and words are unverified.
    #[error("Incorrect IAM authentication information: the temporary ak or security token has expired")]
    ExpiredAccessKey,
    #[error("Incorrect IAM authentication information: domain or project does not belong to the caller")]
    WrongScope,
}

impl Denial {
    /// The gateway's error code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "APIGW.0303",
            Self::InvalidToken => "APIGW.0307",
            _ => "APIGW.0301",
        }
    }
}
