import assert from 'node:assert/strict'
import { BlockList, isIP } from 'node:net'
import fc from 'fast-check'
import { isPublic } from '../../adapters/outbound/addresses.ts'

/** The special-use ranges of RFC 6890 and its registries, kept here a second time on purpose. */
const SPECIAL_V4 = (
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 ' +
  '192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4'
).split(' ')
const SPECIAL_V6 = (
  '::/96 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/32 2001:2::/48 2001:db8::/32 2001:10::/28 2002::/16 ' +
  '3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8'
).split(' ')

const special = new BlockList()
for (const range of SPECIAL_V4) special.addSubnet(...split(range), 'ipv4')
const special6 = new BlockList()
for (const range of SPECIAL_V6) special6.addSubnet(...split(range), 'ipv6')

function split(range: string): [string, number] {
  const [address = '', bits] = range.split('/')
  return [address, Number(bits)]
}

const byte = fc.integer({ min: 0, max: 255 })
const v4 = fc.tuple(byte, byte, byte, byte).map((parts) => parts.join('.'))
const nearSpecial = fc
  .tuple(fc.constantFrom(...SPECIAL_V4), byte, byte)
  .map(([range, a, b]) => range.replace(/(\d+)\.(\d+)\/\d+$/, `${a}.${b}`))
const v6 = fc.oneof(
  fc.ipV6(),
  fc
    .tuple(fc.constantFrom(...SPECIAL_V6), fc.integer({ min: 0, max: 0xffff }))
    .map(([range, group]) => range.replace(/::\/\d+$/, `::${group.toString(16)}`)),
  v4.map((address) => `::ffff:${address}`),
  v4.map((address) => `64:ff9b::${address}`),
)
const odd = fc.oneof(
  fc.string({ maxLength: 40 }),
  v4.map((address) =>
    address
      .split('.')
      .map((part) => `0${Number(part).toString(8)}`)
      .join('.'),
  ),
  v4.map(
    (address) =>
      `0x${address
        .split('.')
        .map((part) => Number(part).toString(16).padStart(2, '0'))
        .join('')}`,
  ),
  fc.nat().map(String),
)

/** An address that is public here is in none of the special ranges. */
export const addresses = fc.property(fc.oneof(v4, nearSpecial, v6, odd), (text) => {
  if (!isPublic(text)) return
  const kind = isIP(text)
  if (kind === 4) assert.ok(!special.check(text, 'ipv4'), `${text} is special`)
  if (kind === 6) assert.ok(!special6.check(text, 'ipv6'), `${text} is special`)
})
