"""The nested ModelSerializer that most would write with DRF."""

from django.db import transaction
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks.measure.baselines.models import Order, OrderAddress, OrderItem
from benchmarks.measure.baselines.views import has_key


class HasKey(BasePermission):
    def has_permission(self, request, view):
        return has_key(request)


class ItemSerializer(serializers.ModelSerializer):
    class Meta:
        model = OrderItem
        exclude = ["id", "order"]


class AddressSerializer(serializers.ModelSerializer):
    class Meta:
        model = OrderAddress
        exclude = ["id", "order", "kind"]


class OrderSerializer(serializers.ModelSerializer):
    items = ItemSerializer(many=True)
    billing_address = AddressSerializer()
    shipping_address = AddressSerializer()

    class Meta:
        model = Order
        exclude = ["id"]

    def create(self, data):
        items = data.pop("items")
        addresses = {kind: data.pop(f"{kind}_address") for kind in ("billing", "shipping")}
        with transaction.atomic():
            order = Order.objects.create(**data)
            for item in items:
                OrderItem.objects.create(order=order, **item)
            for kind, address in addresses.items():
                OrderAddress.objects.create(order=order, kind=kind, **address)
        return order


class WithoutLookup(OrderSerializer):
    """Reads alone: the SELECT that looks for the number would be counted as reading."""

    increment_id = serializers.CharField(max_length=40)


class OrderView(APIView):
    permission_classes = [HasKey]

    def post(self, request):
        serializer = OrderSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response({"id": serializer.save().pk}, status=201)
