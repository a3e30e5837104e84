"""
Asks Python's `re` what patterns match, and writes test/fixtures/patterns.json: by pattern and text, the groups of a full match.

    python patterns.py
"""

import json
import pathlib
import re
import warnings

OUT = pathlib.Path(__file__).parent.parent / 'test' / 'fixtures' / 'patterns.json'

TEXTS = [
    '', 'a', 'ab', 'aab', 'abab', 'B', 'a.b', 'a\n', 'a\nb', 'é', 'É1_', '٣', 'a{2}', 'a{,}', ' a b ', 'a-b]c', '\\', '\t\x07',
    'blocks.0.attn.qkv', 'blocks.11.attn.proj', 'blocks.2.mlp.fc1', 'patch_embed.proj', 'head', 'layers.1.blocks.0.mlp.fc2',
    'encoder.layer.3.attention.output.dense', 'Blocks.5.ATTN.QKV',
]

PATTERNS = [
    r'^(?!.*patch_embed).*proj$', r'.*\.(?:qkv|fc[12])', r'(?i).*\.attn\.qkv', r'(?s)a.b', r'a.b', r'(?m)^a$\n?^b$', r'a$', r'a\Z', r'a$\n',
    r'(?x) a b  # the two' '\n', r'(?x)\ a\ b\ ', r'(?P<block>blocks)\.(?P<index>\d+)\..*', r'(a|ab)(b|)(a|ab)?(.*)', r'(a*)(a*)(b*)',
    r'(a*?)(a*)(b*)', r'(a??)(.*)', r'(?:a|b)*', r'(a|b)*', r'(a)|(b)|(ab)', r'(?>a*)ab', r'(?>a|ab)b', r'a*+ab', r'a*+b', r'a++b', r'a?+ab',
    r'a{2}', r'a{2}b', r'a{,}', r'a{,2}b', r'a{1,}b', r'a{1,2}?b', r'a\{2\}', r'a{x}', r'(?:ab){2}', r'(?:ab){2}+', r'.*(?<=\.0\.attn\.).*',
    r'.*(?<!qk)v', r'(?<!x)a', r'(?<=a)b', r'.(?<=a)b', r'(?=(a))(.*)', r'(?!a).*', r'(?:(?=.*proj).*|head)', r'[^.]*', r'[]a-]*', r'[^]]*',
    r'[a\-b\]c]*', r'[\w.]+', r'[^\W\d]+', r'\w+', r'(?a)\w+', r'\d', r'(?a)\d', r'\D', r'(?a:\w)\w*', r'\s.*\S\s', r'[\s\S]', r'\b\w+\b.*', r'\B',
    r'a\B.*', r'(?i)é1_', r'(?i)[a-c]+', r'(?i:b)', r'(?i:A)b', r'(?-i:a)b', r'(?i)(?-i:a)B', r'(?i)[^a]', r'(?#note)ab', r'\x61\142', r'\u0061b', r'\t\a',
    r'\\', r'\.', r'a\.b', r'(?P<n>a)(?P<m>b)', r'.*\.(\d+)\..*', r'(?:.*\.)?(?:attn\.qkv|fc2)', r'layers\.(\d)\.blocks\.(\d)\..*',
    r'(?:(?:a)?)*b', r'(?:a*)*b', r'(?:)*a', r'(a?){3}b?', r'((a)|b)+', r'(?:(a)|(b))*', r'|a', r'a|', r'()', r'(?:)',
    r'\Aa', r'^a', r'(?:^a|b)+', r'a^', r'(?m)a\n^b', r'.*(?:\.(?:0|1)\d?\.).*',
    # What Python refuses.
    r'a**', r'*', r'(', r')', r'[', r'a{3,2}', r'\q', r'(?<=a*)b', r'(?<=a|ab)', r'(?<name>a)', r'(?P<1>a)', r'(?P<a>a)(?P<a>b)', r'a(?i)b', r'^*', r'(?y)a',
    r'[b-a]', r'[\d-a]', r'\x6', r'(?', r'(?P<a', r'a+*', r'(?-a)', r'a{1}{2}',
]  # fmt: skip


def answers(pattern):
    try:
        compiled = re.compile(pattern)
    except re.error:
        return None
    matches = {i: compiled.fullmatch(text) for i, text in enumerate(TEXTS)}
    return {i: list(match.groups()) for i, match in matches.items() if match}


if __name__ == '__main__':
    warnings.simplefilter('ignore')
    fixture = {'texts': TEXTS, 'patterns': {pattern: answers(pattern) for pattern in PATTERNS}}
    OUT.write_text(json.dumps(fixture, ensure_ascii=True, separators=(',', ':')) + '\n')
