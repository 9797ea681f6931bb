//! The vendor's partitions: sites with accounts of their own, each under a domain of its own. What opens an account of
//! one is nothing for the hosts of another.

use url::Host;

use super::{Endpoint, Region};

/// A partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Partition {
    pub(super) domain: &'static str,
    /// Whether it has an IAM for all regions.
    has_global_iam: bool,
}

/// That of most regions.
const WORLD: Partition = Partition { domain: "myhuaweicloud.com", has_global_iam: true };
/// That of Europe. The vendor's SDKs (3.1.219) know IAM and other services of eu-west-101 there, and no SMS.
const EUROPE: Partition = Partition { domain: "myhuaweicloud.eu", has_global_iam: false };

impl Partition {
    /// The one that a region is in.
    pub(super) fn of_region(region: &Region) -> Self {
        if region.as_str() == "eu-west-101" { EUROPE } else { WORLD }
    }

    /// The one that a host is in, if its name says so, and what stands before the domain.
    pub(super) fn of_host(name: &str) -> Option<(Self, &str)> {
        [WORLD, EUROPE].into_iter().find_map(|partition| {
            let before = name.strip_suffix(partition.domain)?.strip_suffix('.')?;
            Some((partition, before))
        })
    }

    /// IAM of a region.
    fn iam_of(self, region: &str) -> Endpoint {
        Endpoint::https(format!("iam.{region}.{}", self.domain))
    }

    /// IAM of all regions.
    fn iam_of_all(self) -> Option<Endpoint> {
        self.has_global_iam.then(|| Endpoint::https(format!("iam.{}", self.domain)))
    }
}

impl Endpoint {
    /// The IAM hosts to ask for credentials for this endpoint, in their order: those of its own partition, and none
    /// where that isn't known. Whoever has the endpoint's region wrong sends nothing to a stranger.
    #[must_use]
    pub fn iam(&self, region: Option<&Region>) -> Vec<Self> {
        let Host::Domain(name) = &self.host else { return Vec::new() };
        let Some((partition, before)) = Partition::of_host(name) else { return Vec::new() };
        let of_region = match (region, partition.iam_of_all()) {
            (Some(region), _) => Some(region.as_str()),
            (None, Some(_)) => None,
            // Where there is no other, the region that the host names.
            (None, None) => before.rsplit('.').next().filter(|label| is_region(label)),
        };
        of_region.map(|region| partition.iam_of(region)).into_iter().chain(partition.iam_of_all()).collect()
    }
}

/// Whether a label is formed as the vendor forms the names of regions: words of letters, and a number, with dashes
/// between them.
pub(super) fn is_region(label: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    label.rsplit_once('-').is_some_and(|(words, number)| {
        words.split('-').all(is_word)
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn iam_is_in_the_endpoints_own_partition() {
        let table: [(&str, Option<&str>, &[&str]); 12] = [
            (
                "sms.ap-southeast-3.myhuaweicloud.com",
                Some("ap-southeast-3"),
                &["iam.ap-southeast-3.myhuaweicloud.com", "iam.myhuaweicloud.com"],
            ),
            ("sms.ap-southeast-3.myhuaweicloud.com", None, &["iam.myhuaweicloud.com"]),
            ("sms.eu-west-101.myhuaweicloud.eu", Some("eu-west-101"), &["iam.eu-west-101.myhuaweicloud.eu"]),
            ("sms.eu-west-101.myhuaweicloud.eu", None, &["iam.eu-west-101.myhuaweicloud.eu"]),
            // The endpoint says whose it is.
            ("sms.eu-west-101.myhuaweicloud.eu", Some("cn-north-4"), &["iam.cn-north-4.myhuaweicloud.eu"]),
            ("sms.myhuaweicloud.eu", None, &[]),
            ("sms.example.com", Some("cn-north-4"), &[]),
            ("sms.cn-north-4.myhuaweicloud.com.example.com", Some("cn-north-4"), &[]),
            ("sms.cn-north-4.xmyhuaweicloud.com", Some("cn-north-4"), &[]),
            ("sms.cn-north-4.myhuaweicloud.cn", Some("cn-north-4"), &[]),
            ("127.0.0.1", Some("cn-north-4"), &[]),
            ("[::1]", None, &[]),
        ];
        for (host, region, iam) in table {
            let endpoint = Endpoint::parse(&format!("https://{host}")).unwrap();
            let region = region.map(|region| Region::parse(region).unwrap());
            let hosts: Vec<_> = endpoint.iam(region.as_ref()).iter().map(Endpoint::host).collect();
            assert_eq!(hosts, iam, "{host} {region:?}");
        }
    }

    #[test]
    fn regions_are_told_from_services() {
        for region in ["cn-north-4", "eu-west-101", "my-kualalumpur-1", "sa-brazil-1", "ae-ad-1", "eu-west-0"]
        {
            assert!(is_region(region), "{region}");
        }
        for label in
            ["obs", "obs-website", "4", "-4", "cn--4", "cn-", "cn-north-4a", "cn1-north-4", "CN-NORTH-4", ""]
        {
            assert!(!is_region(label), "{label}");
        }
    }

    proptest! {
        #[test]
        fn no_credentials_leave_the_domain(host in "sms(\\.[a-z0-9-]{1,12}){1,3}\\.(myhuaweicloud\\.(com|eu)|example)", region in "[a-z]{2}-[a-z]{2,5}-[0-9]") {
            if let Ok(endpoint) = Endpoint::parse(&format!("https://{host}")) {
                let domain = host.rsplitn(3, '.').take(2).collect::<Vec<_>>();
                for iam in endpoint.iam(Some(&Region::parse(&region).unwrap())) {
                    let host = iam.host();
                    prop_assert_eq!(host.rsplitn(3, '.').take(2).collect::<Vec<_>>(), domain.clone());
                    prop_assert_eq!(Endpoint::parse(iam.as_str()), Ok(iam));
                }
            }
        }
    }
}
