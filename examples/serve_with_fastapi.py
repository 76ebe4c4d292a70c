"""Answers requests with the label, confidence and set of a saved classifier.

pip install fastapi uvicorn
MODEL=runs/photos/model.keras uvicorn --app-dir=examples serve_with_fastapi:app
curl --data-binary @photo.jpg localhost:8000/predict
"""

import dataclasses
import os

from fastapi import FastAPI, HTTPException, Request

from keras_refcal.serving import Classifier

classifier = Classifier.load(os.environ["MODEL"])
app = FastAPI(title="keras_refcal")


@app.get("/classes")
def classes() -> list[str]:
    return list(classifier.class_names)


@app.post("/predict")
async def predict(request: Request) -> dict:
    image = await request.body()
    try:
        (answer,) = classifier.answers([image])
    except ValueError as error:
        raise HTTPException(status_code=422, detail=str(error)) from error
    return dataclasses.asdict(answer)
