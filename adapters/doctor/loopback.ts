const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])$/

/** Whether a URL names this machine. */
export const isLoopback = (url: string): boolean => URL.canParse(url) && LOOPBACK.test(new URL(url).hostname)
