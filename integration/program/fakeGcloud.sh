#!/usr/bin/env bash
# A stand-in for gcloud as far as deploy/bootstrap.sh uses it. What exists is kept below $FAKE_GCLOUD, a file a thing with
# its flags (things/KIND/NAME) and a file of grants a resource (grants/RESOURCE); changes has a line a change, calls a line a
# call. It refuses what gcloud refuses: unknown commands, missing flags and parents, creating twice. With
# FAKE_GCLOUD_FAIL=N the N-th change fails and changes nothing. What isn't made by the script (billing, organisation policies,
# quotas) is answered from the table answers: a line `COMMAND<TAB>ANSWER` each, where \n parts lines and a leading ! refuses.
set -euo pipefail
shopt -s extglob

home=${FAKE_GCLOUD:?}
mkdir -p "$home/things" "$home/grants"
touch "$home/changes"
echo "$*" >>"$home/calls"

words=() flags=()
declare -A flag=()
for argument in "$@"; do
  case $argument in
    --*=*) name=${argument%%=*} flag[${name#--}]=${argument#*=} flags+=("${argument#--}") ;;
    --*) flag[${argument#--}]=true flags+=("${argument#--}") ;;
    *) words+=("$argument") ;;
  esac
done

refuse() {
  echo "ERROR: (gcloud) $1" >&2
  exit "${2:-1}"
}
need() { [ -n "${flag[$1]-}" ] || refuse "argument --$1: Must be specified." 2; }
plain() { echo "${1//[^A-Za-z0-9.@:_-]/_}"; }
change() {
  echo "${words[*]}" >>"$home/changes.tried"
  local tried
  mapfile -t tried <"$home/changes.tried"
  [ "${#tried[@]}" != "${FAKE_GCLOUD_FAIL:-}" ] || refuse "INTERNAL: try again later."
  echo "${words[*]}" >>"$home/changes"
}

need project
project=${flag[project]}

# A grant that is there already changes nothing.
grant() {
  need member
  need role
  local line="${flag[role]} | ${flag[member]}" account=${flag[member]#serviceAccount:} on
  on="$home/grants/$(plain "$1")"
  if [ -n "${flag[condition-from-file]-}" ]; then line+=" | $(tr '\n' ' ' <"${flag[condition-from-file]}")"; fi
  case $account in
    *"@$project.iam.gserviceaccount.com")
      [ -e "$home/things/iam service-accounts/$account" ] || refuse "INVALID_ARGUMENT: $account does not exist."
      ;;
  esac
  touch "$on"
  if ! grep -qxF -- "$line" "$on"; then
    change
    echo "$line" >>"$on"
  fi
}

# The answer of the table; the second argument where it has none.
answer() {
  local line found=$2
  while IFS= read -r line; do
    if [ "${line%%$'\t'*}" = "$1" ]; then found=${line#*$'\t'}; fi
  done < <(cat "$home/answers" 2>/dev/null || true)
  case $found in
    !*) refuse "${found#!}" ;;
    *) printf '%b\n' "$found" ;;
  esac
}

# Who has which role on something, in the one form that is asked for.
policy() {
  need flatten
  [ "${flag[format]-}" = 'value(bindings.role,bindings.members)' ] || refuse "not told apart here: --format=${flag[format]-}" 2
  local on
  on="$home/grants/$(plain "$1")"
  if [ -e "$on" ]; then awk -F ' [|] ' '{ print $1 "\t" $2 }' "$on"; fi
}

take() {
  need member
  need role
  local on line="${flag[role]} | ${flag[member]}"
  on="$home/grants/$(plain "$1")"
  grep -qxF -- "$line" "$on" || refuse "Policy binding with the specified principal, role, and condition not found!"
  change
  grep -vxF -- "$line" "$on" >"$on.next" || true
  mv "$on.next" "$on"
}

# thing KIND VERB KEY [PARENT]
thing() {
  local file
  file="$home/things/$1/$(plain "$3")"
  mkdir -p "$home/things/$1"
  if [ -n "${4-}" ] && [ ! -e "$home/things/$4" ]; then refuse "NOT_FOUND: $4 not found."; fi
  case $2 in
    create | create-oidc)
      [ ! -e "$file" ] || refuse "ALREADY_EXISTS: $3"
      change
      settings >"$file"
      return
      ;;
  esac
  [ -e "$file" ] || refuse "NOT_FOUND: $1 $3 not found."
  case $2 in
    update | update-oidc)
      change
      settings >>"$file"
      ;;
    add-iam-policy-binding) grant "$1 $3" ;;
    remove-iam-policy-binding) take "$1 $3" ;;
    get-iam-policy) policy "$1 $3" ;;
    describe)
      case ${flag[format]-} in
        'value(versioning_enabled)') if grep -qx versioning "$file"; then echo True; else echo; fi ;;
        'value(attributeCondition)') sed -n 's/^attribute-condition=//p' "$file" | tail -n 1 ;;
        'value(attributeMapping."google.subject")')
          sed -n 's/^attribute-mapping=google.subject=//p' "$file" | sed 's/,attribute\..*//' | tail -n 1
          ;;
      esac
      ;;
    *) refuse "Invalid choice: '$2'" 2 ;;
  esac
}

settings() {
  local one
  for one in ${flags[@]+"${flags[@]}"}; do
    case $one in project=* | quiet | location=*) ;; *) echo "$one" ;; esac
  done
}

set -- "${words[@]}"
case "$1 $2" in
  "projects describe") echo 123456789012 ;;
  "projects add-iam-policy-binding") grant "project $3" ;;
  "projects get-iam-policy") policy "project $3" ;;
  "billing projects" | "compute regions") answer "$*" "" ;;
  "resource-manager org-policies")
    need effective
    answer "$*" ""
    ;;
  "services list")
    echo logging.googleapis.com
    if [ -e "$home/things/services" ]; then cat "$home/things/services"; fi
    ;;
  "services enable")
    change
    printf '%s\n' "${@:3}" >>"$home/things/services"
    ;;
  "storage buckets") thing "storage buckets" "$3" "$4" ;;
  "kms keyrings")
    need location
    thing "kms keyrings" "$3" "${flag[location]}_$4"
    ;;
  "kms keys")
    need location
    need keyring
    thing "kms keys" "$3" "${flag[keyring]}_$4" "kms keyrings/${flag[location]}_${flag[keyring]}"
    ;;
  "iam service-accounts")
    case $4 in
      *@*) thing "iam service-accounts" "$3" "$4" ;;
      *) thing "iam service-accounts" "$3" "$4@$project.iam.gserviceaccount.com" ;;
    esac
    ;;
  "iam workload-identity-pools")
    need location
    if [ "$3" != providers ]; then
      thing "iam workload-identity-pools" "$3" "$4"
    else
      need workload-identity-pool
      pool=${flag[workload-identity-pool]}
      thing "iam workload-identity-pools providers" "$4" "${pool}_$5" "iam workload-identity-pools/$pool"
    fi
    ;;
  *) refuse "Invalid choice: '$*'" 2 ;;
esac
