"""How a weight lies in memory, and which product reads it there.

abilities   what this processor cannot do, asked once
"""
