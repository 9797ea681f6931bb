#!/usr/bin/env bash
# What the checks that run the image's binary share; to be sourced.

# The user of the image; root itself where it is the only one, as in a namespace of users.
container_user() {
  if (($(awk '{ print $3; exit }' /proc/self/uid_map) > 65532)); then echo --userspec=65532:65532; fi
}
