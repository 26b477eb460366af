#!/usr/bin/env python3
"""Writes chat.json beside this file: conversations as transformers renders them, with every known chat template.

    tests/golden/chat/dump_chat.py

The templates are those of framework/recipe/import/chat_templates. Needs `pip install transformers==5.24.0 jinja2==3.1.6`.
"""
import json
from pathlib import Path

import yaml
from transformers.utils.chat_template_utils import render_jinja_template

HERE = Path(__file__).resolve().parent
TEMPLATES = HERE.parents[2] / 'framework/recipe/import/chat_templates'
IMAGE, VIDEO = {'type': 'image'}, {'type': 'video'}


def message(role, *content):
    return {'role': role, 'content': [{'type': 'text', 'text': c} if isinstance(c, str) else c for c in content]}


def system(*content):
    return message('system', *content)


def user(*content):
    return message('user', *content)


def assistant(*content):
    return message('assistant', *content)


CONVERSATIONS = [
    [user('Hello!')],
    [user(IMAGE, 'What is this?')],
    [user('What is this?', IMAGE)],
    [user('Compare', IMAGE, 'with', IMAGE, 'and', IMAGE, '.')],
    [user(IMAGE, IMAGE, 'Which is larger?', IMAGE)],
    [user('One text.', 'Another text.', IMAGE, 'A third.')],
    [system('You are terse.'), user('Hello!')],
    [system('You are terse.'), user(IMAGE, 'Name it.'), assistant('A cat.'), user('And its colour?')],
    [system('One.', 'Two.'), user('Hello!')],
    [system('Look at', IMAGE, 'first.'), user('What is it?')],
    [user(IMAGE, 'Name it.'), assistant(''), user('Well?')],
    [user('Hello!'), assistant(''), user('Hello?'), assistant(''), user(IMAGE, 'See.')],
    [user('Hi.'), assistant('Hello.'), user('Tell me a joke.'), assistant('No.'), user('Please.')],
    [user(IMAGE, 'a'), assistant('one'), user('b', IMAGE), assistant('two', 'three'), user(IMAGE, IMAGE, 'c')],
    [assistant('Hello, what do you want to know?'), user(IMAGE, 'What is this?')],
    [user('First.'), user('Second.'), system('Be kind.'), user(IMAGE, 'Third.')],
    [user('  spaces at both ends \n'), assistant(' kept\n\n'), user('\ttab')],
    [user('line one\nline two\n\nline four', IMAGE, "it's 5 < 6 & \"quoted\" {{ not_a_tag }} {% if %}")],
    [user('\u4f60\u597d \U0001f9a9 caf\u00e9', IMAGE), assistant('\u00e9t\u00e9'), user('\u00bfqu\u00e9?')],
]
VIDEOS = [
    [user(VIDEO, 'What happens?')],
    [user('Compare', IMAGE, 'with', VIDEO)],
    [system('You are terse.'), user(VIDEO, VIDEO, 'Which is longer?'), assistant(''), user(IMAGE, 'Is it in there?')],
]
TEXTS = [  # in place of lists of contents
    [{'role': 'system', 'content': 'You are terse.'}, {'role': 'user', 'content': 'Hello!'}],
    [{'role': 'user', 'content': ' Hi. '}, {'role': 'assistant', 'content': ''}, user(IMAGE, 'What is this?')],
]


def main():
    templates, cases = {}, []
    for file in sorted(TEMPLATES.glob('*.yaml')):
        for number, template in enumerate(yaml.safe_load(file.read_text())['templates']):
            name = f'{file.stem}_{number}'
            templates[name] = template
            conversations = CONVERSATIONS + (VIDEOS if '<video>' in template else []) + (TEXTS if 'is string' in template else [])
            texts, _ = render_jinja_template(conversations=conversations, chat_template=template, add_generation_prompt=True)
            cases += [{'template': name, 'add_generation_prompt': True, 'messages': messages, 'text': text}
                      for messages, text in zip(conversations, texts, strict=True)]
    lines = ',\n  '.join(json.dumps(case) for case in cases)
    (HERE / 'chat.json').write_text(f'{{\n "templates": {json.dumps(templates)},\n "cases": [\n  {lines}\n ]\n}}\n')


if __name__ == '__main__':
    main()
