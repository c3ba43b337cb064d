# Who may pull, and who may build; of the functions, by the names that these settings have without FIRN_. Files are secrets of
# Secret Manager in the same project, `gcloud secrets create firn-users --replication-policy=automatic --data-file=users`.

variable "access" {
  description = "who may pull what is there, and who may have images built: `anonymous`, `user:<name>`, `token:<name>` or `google:<account>@<domain>`, each with `=pull` or `=build`, separated by commas; `*` is for any name (default: anonymous=build)"
  type        = string
  default     = null
}

variable "users" {
  description = "file of users, a line each, as `htpasswd -B` writes it: `<name>:<bcrypt or scrypt hash>`; as `secret:<name>` or `secret:<name>:<version>` of Secret Manager"
  type        = string
  default     = null

  validation {
    condition     = var.users == null ? true : can(regex("^secret:[A-Za-z0-9_-]{1,255}(:(latest|[1-9][0-9]*))?$", var.users))
    error_message = "It is a secret: secret:<name>, or secret:<name>:<version>."
  }
}

variable "tokens" {
  description = "file of tokens that stay, for machines, a line each: `<name>:<SHA-256 of the token in hex>`; as `secret:<name>` or `secret:<name>:<version>` of Secret Manager"
  type        = string
  default     = null

  validation {
    condition     = var.tokens == null ? true : can(regex("^secret:[A-Za-z0-9_-]{1,255}(:(latest|[1-9][0-9]*))?$", var.tokens))
    error_message = "It is a secret: secret:<name>, or secret:<name>:<version>."
  }
}

variable "google_audiences" {
  description = "audiences, separated by commas, of which one has to be that of a Google token; of `gcloud auth print-access-token` it is `32555940559.apps.googleusercontent.com`"
  type        = string
  default     = null
}

variable "blocked" {
  description = "file of who is shut out, a line each: `user:<name>` and so on, or an address or network such as `192.0.2.0/24`; a change is seen within ten seconds; as `secret:<name>` or `secret:<name>:<version>` of Secret Manager"
  type        = string
  default     = null

  validation {
    condition     = var.blocked == null ? true : can(regex("^secret:[A-Za-z0-9_-]{1,255}(:(latest|[1-9][0-9]*))?$", var.blocked))
    error_message = "It is a secret: secret:<name>, or secret:<name>:<version>."
  }
}

variable "public_url" {
  description = "URL that clients know the registry by, such as `https://registry.example.com`; left out, what they ask for is taken"
  type        = string
  default     = null
}

variable "token_keys" {
  description = "file of keys that sign what clients are given for five minutes, each a line of 32 characters or more: the first signs, all are accepted; as `secret:<name>` or `secret:<name>:<version>` of Secret Manager"
  type        = string
  default     = null

  validation {
    condition     = var.token_keys == null ? true : can(regex("^secret:[A-Za-z0-9_-]{1,255}(:(latest|[1-9][0-9]*))?$", var.token_keys))
    error_message = "It is a secret: secret:<name>, or secret:<name>:<version>."
  }
}

variable "trusted_hops" {
  description = "proxies in front that each add the address they were asked from to X-Forwarded-For; all else in it is ignored (default: 1)"
  type        = number
  default     = null

  validation {
    condition     = var.trusted_hops == null ? true : var.trusted_hops == floor(var.trusted_hops) && var.trusted_hops >= 0 && var.trusted_hops <= 10
    error_message = "It is a whole number from 0 to 10."
  }
}

variable "quota" {
  description = "how much may be built that is not there, for each `client`, for all `anonymous` ones together, and for `all` together: so many builds or, with an s, seconds of workers a `minute`, `hour` or `day`, and of a client `<number> at once`; or `off` (default: client=10 at once, 20/minute, 120/hour, 400/day, 7200s/hour; anonymous=40/minute, 600/hour, 3000/day; all=60/minute, 900/hour, 5000/day, 200000s/day)"
  type        = string
  default     = null
}
