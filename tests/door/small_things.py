"""Small models and records that the tables of the public door are filled with."""

import functools

import byte_models
import chat_models
import torch
from small_models import decoder

from llmlab import models
from llmlab.core import records

WEIGHT = torch.arange(64.0).view(4, 16)
IDS = torch.tensor([[1, 2, 3, 4]])


@functools.cache
def reader():
    return byte_models.reader(dtype=torch.float32)


@functools.cache
def plain():
    return decoder(dtype=torch.float32)


@functools.cache
def translator():
    return models.load("translator")


@functools.cache
def classifier():
    return models.load("classifier")


def fact(name="x"):
    return records.measured(name, 1.0, "s", machine="here")


def none():
    """Do nothing, in no time."""


def config():
    return plain().config


@functools.cache
def talker():
    return chat_models.scripted()


def loop(prompt, count):
    """Generate tokens that take no time."""
    yield from range(count)
