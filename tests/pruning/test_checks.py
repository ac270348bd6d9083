"""The checks of lab 05 let right answers pass, and name what is wrong in wrong ones."""

from checks import factory
from pruning.right_answers import RIGHT
from pruning.wrong_answers import WRONG

from llmlab.checks import pruning as check

globals().update(factory.tests(check, RIGHT, factory.by_name(check, WRONG)))
