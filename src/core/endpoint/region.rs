//! Regions of Huawei Cloud, and the endpoints that follow from them.

use std::{fmt, sync::Arc};

use super::{Endpoint, is_label, partition::Partition};

/// A text that can't be a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a region is written in lower-case letters, digits and hyphens, as in cn-north-4")]
pub struct RegionError;

/// The name of a region, such as `cn-north-4`. Regions come and go, so that any name that fits into a host's is
/// one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region(Arc<str>);

impl Region {
    /// Reads a region's name.
    pub fn parse(name: &str) -> Result<Self, RegionError> {
        if is_label(name) { Ok(Self(name.into())) } else { Err(RegionError) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where SMS is for this region, by the vendor's list of endpoints: one region has a name of its own form.
    #[must_use]
    pub fn sms_endpoint(&self) -> Endpoint {
        let service = if self.as_str() == "ru-moscow-1" { "sms-api" } else { "sms" };
        Endpoint::https(format!("{service}.{self}.{}", Partition::of_region(self).domain))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn endpoints_are_the_vendors() {
        for (region, sms) in [
            ("cn-north-4", "https://sms.cn-north-4.myhuaweicloud.com"),
            ("ap-southeast-3", "https://sms.ap-southeast-3.myhuaweicloud.com"),
            ("my-kualalumpur-1", "https://sms.my-kualalumpur-1.myhuaweicloud.com"),
            ("ru-moscow-1", "https://sms-api.ru-moscow-1.myhuaweicloud.com"),
            // Not in the vendor's list, but nothing of this region is elsewhere.
            ("eu-west-101", "https://sms.eu-west-101.myhuaweicloud.eu"),
        ] {
            let region = Region::parse(region).unwrap();
            assert_eq!(region.sms_endpoint().as_str(), sms);
        }
    }

    #[test]
    fn what_would_change_the_host_is_no_region() {
        for name in ["", "CN-NORTH-4", "a.b", "a/b", "a@b", "a b", "-a", "a-", "é", &"a".repeat(64)] {
            assert_eq!(Region::parse(name), Err(RegionError), "{name}");
        }
    }

    proptest! {
        #[test]
        fn endpoints_of_regions_are_normal(name in "[a-z0-9-]{1,63}") {
            if let Ok(region) = Region::parse(&name) {
                let endpoint = region.sms_endpoint();
                prop_assert_eq!(Endpoint::parse(endpoint.as_str()), Ok(endpoint));
            }
        }
    }
}
