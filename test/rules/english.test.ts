import { expect, test } from 'vitest'
import { codeFiles, comments, longSentences, sentencesOf, vaguePronouns } from './english.ts'

const place = ({ file, line, text }: { file: string; line: number; text: string }) =>
  `${file}:${line} ${text}`

test('the code and the documents name the actor, and never whoever, whatever, nobody, somebody or anybody', () => {
  expect(vaguePronouns().map(place)).toEqual([])
})

test('at most 5 % of all JSDoc comments open with What, Whether, Where, Who, How or When', () => {
  const all = codeFiles().flatMap(comments)
  const relative = all.filter(({ text }) => /^(What|Whether|Where|Who|Whose|How|When)\b/.test(text))
  expect(all.length).toBeGreaterThan(1000)
  expect(relative.length / all.length).toBeLessThanOrEqual(0.05)
})

test('no sentence of the JSDoc and of the documents has more than 30 words', () => {
  expect(longSentences().map(place)).toEqual([])
})

test('a sentence ends at a full stop, a list item, a tag and a row of a table, and code is one word', () => {
  const text = 'One `a b c` two. Three\nfour:\n- five\n- six · seven\n\n| eight |\n@see nine'
  expect(sentencesOf(text)).toEqual([
    'One code two.',
    'Three four:',
    '- five',
    '- six',
    'seven',
    '| eight |',
    '@see nine',
  ])
})
