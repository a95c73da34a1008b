/** Variables whose value is shown to no one: a list of processes, a log or a report would show it. */
const SECRET =
  /_(SECRET|TOKEN|PRIVATE_KEY|PASSWORD|TLS_KEY)$|^LOCKGATE_(CLIENTS|RESOURCE_SERVERS|SIGNING_KEYS)$/

/** Tells whether the value of a variable is secret, or may contain a secret. */
export const isSecretVariable = (name: string): boolean => SECRET.test(name)
