"""A model for the proxy: it calls the first tool on offer, and then tells what came of it."""

import json

from litellm import CustomLLM, ModelResponse

USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


def tool_result(messages):
    return next((m["content"] for m in messages if m["role"] == "tool"), None)


def call_of(tools):
    return {
        "id": "call_1",
        "type": "function",
        "function": {
            "name": tools[0]["function"]["name"],
            "arguments": json.dumps({"text": "hey"}),
        },
    }


class Scripted(CustomLLM):
    async def acompletion(self, messages, optional_params, *args, **kwargs):
        result = tool_result(messages)
        if result is None:
            message = {"role": "assistant", "tool_calls": [call_of(optional_params["tools"])]}
            reason = "tool_calls"
        else:
            message = {"role": "assistant", "content": f"It says {result}."}
            reason = "stop"
        return ModelResponse(
            id="scripted-1",
            model="tools",
            choices=[{"index": 0, "message": message, "finish_reason": reason}],
            usage=USAGE,
        )

    async def astreaming(self, messages, optional_params, *args, **kwargs):
        result = tool_result(messages)
        if result is None:
            call = {**call_of(optional_params["tools"]), "index": 0}
            yield piece(tool_use=call)
            yield piece(finish_reason="tool_calls")
        else:
            for word in ["It ", "says ", f"{result}."]:
                yield piece(text=word)
            yield piece(finish_reason="stop")


def piece(text="", tool_use=None, finish_reason=""):
    return {
        "text": text,
        "tool_use": tool_use,
        "is_finished": bool(finish_reason),
        "finish_reason": finish_reason,
        "index": 0,
        "usage": USAGE if finish_reason else None,
    }


scripted = Scripted()
